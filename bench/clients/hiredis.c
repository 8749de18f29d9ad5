/*
 * A plain read loop on hiredis: the cost of a subscriber in C. Takes a port, a command, and the names from its first
 * line of input. Each further line is a phase: it says "armed", reads messages until the one that ends the phase, and
 * says what it cost and what it saw.
 */
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

/* The last byte of the payload that ends a phase, as in frames.mjs. */
#define MARKER 4

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double wall_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static void fail(const char *reason) {
  printf("failed %s\n", reason);
  exit(1);
}

static redisReply *next_reply(redisContext *context) {
  void *reply = NULL;
  if (redisGetReply(context, &reply) != REDIS_OK) fail(context->errstr);
  if (((redisReply *)reply)->type == REDIS_REPLY_ERROR) fail(((redisReply *)reply)->str);
  return reply;
}

static void subscribe(redisContext *context, const char *command, char *names) {
  size_t count = 0;
  for (char *name = strtok(names, " \n"); name != NULL; name = strtok(NULL, " \n"), count++) {
    redisAppendCommand(context, "%s %s", command, name);
  }
  while (count-- > 0) freeReplyObject(next_reply(context));
}

static void phase(redisContext *context) {
  uint32_t messages = 0, length = 0, touched = 0;
  double cpu = cpu_seconds(), wall = wall_seconds();
  printf("armed\n");
  for (;;) {
    redisReply *reply = next_reply(context);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3) fail("not a message");
    /* The payload is the last element, of a message, an smessage and a pmessage. */
    redisReply *payload = reply->element[reply->elements - 1];
    uint8_t last = (uint8_t)payload->str[payload->len - 1];
    if (last == MARKER) {
      freeReplyObject(reply);
      break;
    }
    messages++;
    length += (uint32_t)payload->len;
    touched += last;
    freeReplyObject(reply);
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("measured %.9f %.9f %ld %u %d %d\n", cpu_seconds() - cpu, wall_seconds() - wall, usage.ru_maxrss, messages,
         (int32_t)length, (int32_t)touched);
}

int main(int count, char **arguments) {
  char *line = NULL;
  size_t room = 0;
  if (count != 3) fail("usage: hiredis <port> <command>");
  setvbuf(stdout, NULL, _IOLBF, 0);
  redisContext *context = redisConnect("127.0.0.1", atoi(arguments[1]));
  if (context == NULL || context->err) fail(context == NULL ? "no memory" : context->errstr);
  if (getline(&line, &room, stdin) <= 0) fail("no names");
  subscribe(context, arguments[2], line);
  printf("ready\n");
  while (getline(&line, &room, stdin) > 0) phase(context);
  redisFree(context);
  free(line);
  return 0;
}

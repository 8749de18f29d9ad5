// Reads the commands that clients send to the replay server: arrays of bulk strings, nothing else.

const CR = 0x0d;

export class CommandReader {
  #rest = Buffer.alloc(0);

  /**
   * The commands that are complete with this chunk.
   * @param {Buffer} chunk
   * @returns {string[][]}
   */
  read(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const commands = [];
    let at = 0;
    for (;;) {
      const found = readCommand(bytes, at);
      if (found === null) {
        break;
      }
      commands.push(found.command);
      at = found.end;
    }
    this.#rest = bytes.subarray(at);
    return commands;
  }
}

function readCommand(bytes, start) {
  const count = readLength(bytes, start);
  if (count === null) {
    return null;
  }
  const command = [];
  let at = count.end;
  for (let index = 0; index < count.value; index += 1) {
    const length = readLength(bytes, at);
    if (length === null || bytes.length < length.end + length.value + 2) {
      return null;
    }
    command.push(bytes.toString("utf8", length.end, length.end + length.value));
    at = length.end + length.value + 2;
  }
  return { command, end: at };
}

// `*3\r\n` or `$5\r\n`.
function readLength(bytes, start) {
  const end = bytes.indexOf(CR, start);
  return end < 0 || bytes.length < end + 2
    ? null
    : { value: Number(bytes.toString("latin1", start + 1, end)), end: end + 2 };
}

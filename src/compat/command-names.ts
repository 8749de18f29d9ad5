const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The commands that ioredis has as methods and that the face passes on, in lower case. */
export const commandNames: readonly string[] = words(`
  acl append bitcount bitfield bitfield_ro bitop bitpos client cluster command config copy dbsize decr decrby del dump echo
  eval eval_ro evalsha evalsha_ro exists expire expireat expiretime fcall fcall_ro flushall flushdb function geoadd geodist
  geohash geopos geosearch geosearchstore get getbit getdel getex getrange getset hdel hexists hexpire hexpireat
  hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen hmget hmset hpersist hpexpire hpexpireat
  hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx hstrlen httl hvals incr incrby incrbyfloat info keys lastsave
  latency lcs lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ltrim memory mget module move mset
  msetnx object persist pexpire pexpireat pexpiretime pfadd pfcount pfmerge ping psetex pttl randomkey rename renamenx
  role rpop rpoplpush rpush rpushx sadd scan scard script sdiff sdiffstore set setbit setex setnx setrange sinter
  sintercard sinterstore sismember slowlog smembers smismember smove sort sort_ro spop srandmember srem sscan strlen
  substr sunion sunionstore time touch ttl type unlink xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange
  xrevrange xsetid xtrim zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore
  zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank
  zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore
`);

/** What ioredis has beside that and the face has not: each throws, and says what to do. */
export const foreignToIoredis: readonly string[] = words(`
  addBuiltinCommand asking auth bgrewriteaof bgsave blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin
  createBuiltinCommand debug discard exec failover getBuiltinCommands hello hscanBufferStream hscanStream migrate monitor
  multi pipeline psync readonly readwrite replicaof reset restore save scanBufferStream scanStream select sendCommand
  sentinel shutdown slaveof sscanBufferStream sscanStream swapdb sync unwatch wait waitaof watch xread xreadgroup
  zscanBufferStream zscanStream
`);

/** What node-redis has and the face has not: each throws, and says what to do. */
export const foreignToNodeRedis: readonly string[] = words(`
  aclCat aclDelUser aclDryRun aclGenPass aclGetUser aclList aclLoad aclLog aclLogReset aclSave aclSetUser aclUsers
  aclWhoAmI append asking auth bgRewriteAof bgSave bitCount bitField bitFieldRo bitOp bitPos blMove blmPop blPop brPop
  brPopLPush bzmPop bzPopMax bzPopMin clientCaching clientGetName clientId clientInfo clientKill clientList clientNoEvict
  clientNoTouch clientPause clientSetName clientTracking clientUnblock clientUnpause clusterInfo clusterKeySlot
  clusterNodes clusterSlots commandCount commandInfo commandList configGet configSet copy createPool dbSize dump evalRo
  evalShaRo expireAt expireTime fCall fCallRo flushAll flushDb functionLoad geoAdd geoDist geoHash geoPos geoSearch
  geoSearchStore geoSearchWith getBit getDel getEx getRange getSet hello hExists hIncrBy hIncrByFloat hKeys hLen hmGet
  hRandField hScan hScanIterator hSetNX hStrLen hVals incrByFloat info keys lastSave legacy lcs lIndex lInsert lLen lMove
  lmPop lPop lPos lPush lPushX lRange lRem lSet lTrim mSet mSetNX migrate monitor multi multiExecutor objectEncoding
  objectFreq objectIdleTime objectRefCount pExpireAt pExpireTime persist pfAdd pfCount pfMerge pSetEx randomKey readonly ref
  rename renameNX replicaOf restore role rPop rPopLPush rPush rPushX save scan scanIterator sCard sDiff sDiffStore select
  setBit setNX setRange sInter sInterCard sInterStore sIsMember smIsMember sMove sort sPop sRandMember sScan sScanIterator
  strLen sUnion sUnionStore swapDb touch type unlink unref unwatch wait watch withAbortSignal withCommandOptions
  withTypeMapping xAck xAdd xAutoClaim xClaim xDel xGroupCreate xGroupCreateConsumer xGroupDelConsumer xGroupDestroy
  xInfoConsumers xInfoGroups xInfoStream xLen xPending xRange xRead xReadGroup xRevRange xSetId xTrim zAdd zCard zCount
  zDiff zDiffStore zIncrBy zInter zInterCard zInterStore zLexCount zmPop zmScore zPopMax zPopMin zRandMember zRange
  zRangeByLex zRangeByScore zRangeStore zRangeWithScores zRank zRem zRemRangeByLex zRemRangeByRank zRemRangeByScore
  zRevRank zScan zScanIterator zScore zUnion zUnionStore bf cms cf tDigest topK json ft ts
`);

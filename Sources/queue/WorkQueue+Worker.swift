import Common
import Redis

/// What a worker machine does.
extension WorkQueue {
  private static let take = """
    local taken, from = {}, '0-0'
    local function add(entry, delivery) taken[#taken + 1] = {entry[1], delivery, entry[2]} end
    local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[4], ARGV[5], 'COUNT', ARGV[3])
    for _, entry in ipairs(claimed[2]) do
      local held = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)[1]
      add(entry, held and held[4] or 1)
    end
    local room = tonumber(ARGV[3]) - #taken
    if room > 0 then
      local new = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', room, 'STREAMS', KEYS[1], '>')
      if new then
        for _, entry in ipairs(new[1][2]) do add(entry, 1) end
      end
    end
    return {claimed[1], taken}
    """

  /// Takes up to `count` entries: those of machines that have gone first, then new ones. `cursor` is where the search
  /// for the former goes on; begin with `0-0`.
  func take(
    for consumer: String, count: Int, cursor: inout String
  ) throws(Fatal) -> [Entry] {
    let words = [group, consumer, String(count), String(Int(silence * 1000)), cursor]
    let reply = try script(Self.take, keys: [work], words).list
    cursor = reply.first?.string ?? "0-0"
    return (reply.last?.list ?? []).compactMap { entry in
      let parts = entry.list
      guard parts.count == 3, let id = parts[0].string, let delivery = parts[1].int else {
        return nil
      }
      return Entry(id: id, delivery: delivery, parts[2])
    }
  }

  /// Waits for a new entry for `seconds`, and takes up to `count`.
  func wait(
    for consumer: String, count: Int, seconds: Double
  ) throws(Fatal) -> [Entry] {
    let words = [
      "XREADGROUP", "GROUP", group, consumer, "COUNT", String(count), "BLOCK",
      String(Int(seconds * 1000)), "STREAMS", work, ">",
    ]
    let reply = try ask([RedisCommand(words.map { Array($0.utf8) })], timeout: seconds + 10)[0]
    return (reply.list.first?.list.last?.list ?? []).compactMap { entry in
      entry.list.first?.string.map { Entry(id: $0, delivery: 1, entry.list.last) }
    }
  }

  /// The ids of what a consumer holds.
  func held(by consumer: String) throws(Fatal) -> Set<String> {
    let words = ["XPENDING", work, group, "-", "+", "100000", consumer]
    let reply = try ask([RedisCommand(words.map { Array($0.utf8) })])[0]
    return Set(reply.list.compactMap { $0.list.first?.string })
  }

  private static let renew = """
    for i = 3, #ARGV do
      local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
      if held and held[2] == ARGV[2] then
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
      end
    end
    """

  /// Says of what a consumer holds that it is still worked on. That is no delivery.
  func renew(_ ids: [String], of consumer: String) throws(Fatal) {
    guard !ids.isEmpty else { return }
    _ = try script(Self.renew, keys: [work], [group, consumer] + ids)
  }

  private static let release = """
    local count = 0
    for i = 3, #ARGV do
      local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
      if held and held[2] == ARGV[2] then
        redis.call('XCLAIM', KEYS[1], ARGV[1], 'released', 0, ARGV[i], 'IDLE', 86400000,
          'RETRYCOUNT', held[4] - 1, 'JUSTID')
        count = count + 1
      end
    end
    return count
    """

  /// Lets others take what a consumer holds, at once, and as if it had never been handed out: no entry can be made
  /// new again, so it is held by a consumer that never works. Returns how many.
  @discardableResult
  func release(_ ids: [String], of consumer: String) throws(Fatal) -> Int {
    guard !ids.isEmpty else { return 0 }
    return try script(Self.release, keys: [work], [group, consumer] + ids).int ?? 0
  }

  /// An answer counts where the entry is still this consumer's, by this delivery. XACK alone does not look whose it is.
  private static let give = """
    local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
    if held.err then
      if string.find(held.err, 'NOGROUP') then return 0 end
      return held
    end
    held = held[1]
    if not held or held[2] ~= ARGV[3] or held[4] ~= tonumber(ARGV[4]) then return 0 end
    redis.call('XADD', KEYS[2], '*', 'n', ARGV[5], 'r', ARGV[6])
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
    redis.call('XDEL', KEYS[1], ARGV[2])
    return 1
    """

  /// Answers for entries; says of each whether that counts. It does not where another machine has it by now.
  func give(_ answers: [Answer]) throws(Fatal) -> [Bool] {
    let commands = answers.map { answer in
      let entry = answer.entry
      let words = [
        group, entry.id, answer.consumer, String(entry.delivery), String(entry.number),
      ]
      return RedisCommand.script(
        Self.give, keys: [work, out(entry.run)], words.map { Array($0.utf8) } + [answer.line])
    }
    return try ask(commands).map { $0.int == 1 }
  }

  /// Drops what a consumer took of a head that has gone.
  func drop(_ entries: [Entry], of consumer: String) throws(Fatal) {
    let script = """
      for i = 3, #ARGV do
        local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
        if held and held[2] == ARGV[2] then
          redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
          redis.call('XDEL', KEYS[1], ARGV[i])
        end
      end
      """
    _ = try self.script(script, keys: [work], [group, consumer] + entries.map(\.id))
  }

  private static let leave = """
    for _, worker in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
      local w = {}
      for i = 1, #worker, 2 do w[worker[i]] = worker[i + 1] end
      if w.pending == 0 and (w.name == ARGV[2] or w.name == 'released' or w.idle > 3600000) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], w.name)
        redis.call('HDEL', KEYS[2], w.name)
      end
    end
    """

  /// Removes a consumer that leaves, and those that were not heard of for an hour, unless they hold something.
  func leave(_ consumer: String) throws(Fatal) {
    _ = try script(Self.leave, keys: [work, workers], [group, consumer])
  }

  /// Notes who works here, for those who look.
  func note(_ consumer: String, details: JSON) throws(Fatal) {
    _ = try ask([RedisCommand("HSET", workers, consumer, details.description)])
  }
}

extension WorkQueue.Entry {
  /// What some other program has put into the stream has no head, and is dropped as what a head has left: it would be
  /// held, and looked at again and again, for ever.
  fileprivate init(id: String, delivery: Int, _ reply: RedisReply?) {
    let fields = WorkQueue.fields(reply)
    self.init(
      id: id, delivery: delivery, run: fields["run"]?.string ?? "",
      number: fields["n"]?.int ?? -1, line: fields["r"]?.bytes ?? [])
  }
}

import HTTP2

/// Two sessions joined in memory.
struct JoinedSessions {
    let client: RecordingSession
    let server: RecordingSession

    init(client: SessionSettings = SessionSettings(), server: SessionSettings = SessionSettings()) throws {
        self.client = RecordingSession(.client, client)
        self.server = RecordingSession(.server, server)
        try exchange()
    }

    /// Sessions that have sent nothing yet, and share `memory`.
    init(memory: SessionMemory) {
        client = RecordingSession(.client, memory: memory)
        server = RecordingSession(.server, memory: memory)
    }

    /// Moves bytes both ways until both sides are quiet; returns the number of bytes.
    @discardableResult
    func exchange() throws -> Int {
        var total = 0
        while true {
            let moved = try step()
            if moved == 0 { return total }
            total += moved
        }
    }

    /// Writes each session once and passes the bytes on; returns the number of bytes.
    func step() throws -> Int {
        try move(from: client, to: server) + move(from: server, to: client)
    }

    private func move(from: RecordingSession, to: RecordingSession) throws -> Int {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { unsafe buffer.deallocate() }
        let count = try unsafe from.write(into: buffer)
        if count > 0 { try unsafe to.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
        return count
    }
}

import Glibc

/// The machine's resources that the process uses, as Linux reports them in proc(5).
package struct ProcessUsage: Sendable, Equatable {
    /// Resident memory in bytes.
    package var residentBytes: Int
    /// Number of open file descriptors.
    package var openDescriptors: Int
    /// The soft limit of `RLIMIT_NOFILE`.
    package var descriptorLimit: Int
    /// User and system time since the start, in seconds.
    package var cpuSeconds: Double
    /// Number of threads.
    package var threads: Int

    package init(
        residentBytes: Int, openDescriptors: Int, descriptorLimit: Int, cpuSeconds: Double, threads: Int
    ) {
        self.residentBytes = residentBytes
        self.openDescriptors = openDescriptors
        self.descriptorLimit = descriptorLimit
        self.cpuSeconds = cpuSeconds
        self.threads = threads
    }

    /// Reads this process's figures; `nil` if `/proc` can't be read, for example because file descriptors have run out.
    package static func read() -> ProcessUsage? {
        guard let statm = fields("/proc/self/statm"), statm.count > 1, let pages = Int(statm[1]),
            let status = fields("/proc/self/stat"), let descriptors = openDescriptors()
        else { return nil }
        // The second field is the program's name in parentheses, which may contain spaces; the state follows it.
        guard let name = status.lastIndex(where: { $0.hasSuffix(")") }), status.count > name + 18,
            let user = Int(status[name + 12]), let system = Int(status[name + 13]),
            let threads = Int(status[name + 18])
        else { return nil }
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return ProcessUsage(
            residentBytes: pages * sysconf(Int32(_SC_PAGESIZE)), openDescriptors: descriptors,
            descriptorLimit: Int(clamping: limit.rlim_cur),
            cpuSeconds: Double(user + system) / Double(sysconf(Int32(_SC_CLK_TCK))), threads: threads)
    }

    private static func fields(_ path: String) -> [Substring]? {
        guard let bytes = try? OpenFile(path, flags: O_RDONLY).readAll(limit: 4096) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    }

    private static func openDescriptors() -> Int? {
        guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(folder) }
        // "." and ".." don't count, and neither does the folder's own descriptor, which is open only now.
        var count = -3
        while unsafe readdir(folder) != nil { count += 1 }
        return count
    }
}

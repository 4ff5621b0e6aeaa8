import Glibc

/// The number of files and connections that the process may have open.
package enum FileDescriptorLimit {
    /// Raises the soft limit, which is often 1,024, to the hard one.
    package static func raise() {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(resource, &limit)
    }
}

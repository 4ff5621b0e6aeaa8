import Glibc
import Proxy
import Testing

@Suite struct FileDescriptorLimitTests {
    @Test func theSoftLimitBecomesTheHardOne() {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        unsafe #expect(getrlimit(resource, &limit) == 0)
        // Only a little lower: other tests open files meanwhile.
        limit.rlim_cur = min(limit.rlim_cur, limit.rlim_max - 1)
        unsafe #expect(setrlimit(resource, &limit) == 0)
        FileDescriptorLimit.raise()
        unsafe #expect(getrlimit(resource, &limit) == 0)
        #expect(limit.rlim_cur == limit.rlim_max)
    }
}

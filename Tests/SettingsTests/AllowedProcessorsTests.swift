import Settings
import Testing

@Suite struct AllowedProcessorsTests {
    @Test func countsThoseOfThisProcess() throws {
        #expect((1...65_536).contains(try #require(AllowedProcessors.count())))
    }

    @Test(arguments: [
        ("Name:\tProxy\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n", 2), ("Cpus_allowed:\tff,ffffffff\n", 40),
        ("Cpus_allowed:\t00000000,00000001", 1), ("Cpus_allowed:\t0\n", nil), ("Cpus_allowed_list:\t0-1\n", nil),
        ("", nil),
    ])
    func readsTheMask(status: String, count: Int?) {
        #expect(AllowedProcessors.count(status: status) == count)
    }
}

import ArgumentParser
import Proxy
import Settings
import Testing

@Suite struct SettingFlagsTests {
    private func given(_ arguments: String...) throws -> [String: [String]] {
        let flags = try SettingFlags.parse(arguments)
        return Dictionary(uniqueKeysWithValues: flags.given.map { ($0.key.description, $0.value) })
    }

    @Test func whatIsNotGivenHasNoEntry() throws {
        #expect(try given() == [:])
    }

    @Test func eachKindOfSetting() throws {
        let found = try given(
            "--workers", "3", "--blue", "a:1,b:2", "--health-check", "grpc", "--health-check", "tcp", "--failover",
            "--upstream-tls", "--access-log", "-")
        #expect(
            found == [
                "workers": ["3"], "blue": ["a:1,b:2"], "health-check": ["grpc", "tcp"], "failover": ["on"],
                "upstream-tls": ["on"], "access-log": ["-"],
            ])
    }

    @Test func aFlagThatIsNoSettingIsRefused() {
        #expect(throws: (any Error).self) { try given("--worker", "3") }
        #expect(throws: (any Error).self) { try given("--workers") }
    }

    @Test func aNegativeNumberIsAValue() throws {
        let joined = SettingFlags.joiningNegativeNumbers([
            "--workers", "-1", "--health-timeout", "-1s", "--access-log", "-", "--blue", "a:1", "-2", "--failover",
            "-3",
            "--workers=1", "-4", "-5", "--check", "-6", "--",
        ])
        #expect(
            joined == [
                "--workers=-1", "--health-timeout=-1s", "--access-log", "-", "--blue", "a:1", "-2", "--failover", "-3",
                "--workers=1", "-4", "-5", "--check", "-6", "--",
            ])
        let flags = try SettingFlags.parse(Array(joined.prefix(2)))
        #expect(flags.given.first { $0.key.description == "workers" }?.value == ["-1"])
    }

    @Test func everySettingHasItsFlagAndItsHelp() throws {
        let help = SettingFlags.helpMessage(columns: 100_000)
        for setting in SettingTable.settings {
            #expect(help.contains("\(setting.name.flag) ") || help.contains("\(setting.name.flag)\n"))
            #expect(help.contains(setting.help), "\(setting.name)")
        }
        for group in SettingTable.groups { #expect(help.contains(type(of: group).title.uppercased())) }
    }
}

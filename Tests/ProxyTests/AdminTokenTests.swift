import ControlPlane
import Proxy
import Settings
import TestSupport
import Testing

@Suite struct AdminTokenTests {
    private let folder = TemporaryFolder()

    /// What is wrong with a file of this content; the token, if nothing is.
    private func read(_ text: String) throws -> BearerToken? {
        folder.write("deploy-token", text)
        return try BearerToken.read(try settings(["admin-token-file": folder.file("deploy-token")]))
    }

    @Test func withoutAFileThereIsNone() throws {
        #expect(try BearerToken.read(try settings()) == nil)
    }

    @Test(arguments: ["s3cret", "s3cret\n", "s3cret\r\n", "\ns3cret\n\n"])
    func isTheFilesOneLineAndHasTheFilesName(text: String) throws {
        let token = try #require(try read(text))
        #expect(token.name == "deploy-token")
        #expect(token.matches(authorization: "Bearer s3cret"))
    }

    @Test(arguments: ["", "\n", "two\nlines\n", "two words\n", "ключ\n"])
    func refusesWhatHoldsNoToken(text: String) {
        #expect {
            try read(text)
        } throws: { error in
            (error as? SettingsErrors)?.errors.first?.description.hasSuffix(
                "allowed: a file with one line of printable ASCII without spaces") == true
        }
    }

    @Test func namesAFileThatCanNotBeRead() {
        #expect {
            try BearerToken.read(try settings(["admin-token-file": "/nowhere/token"]))
        } throws: { error in
            let text = (error as? SettingsErrors)?.errors.first?.description ?? ""
            return text.contains("--admin-token-file is \"/nowhere/token\"") && text.contains("can be read")
        }
    }
}

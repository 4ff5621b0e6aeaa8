import Comparison
import ControlPlane
import DataPlane
import Ground
import Settings

extension Shadowing {
    /// What shadow steps need, by the settings; `nil` if no method may be copied.
    init?(_ settings: ProxySettings) throws(SystemError) {
        guard !settings.copies.methods.isEmpty else { return nil }
        let source = settings.descriptors
        self.init(comparer: try ShadowComparer(), reveals: settings.revealsValues) { _ throws(MessageTypes.Failure) in
            try MessageTypes(source)
        }
    }
}

extension MessageTypes {
    init(_ source: DescriptorSource) throws(Failure) {
        switch source {
        case .off: self = .none
        case .file(let path): self.init(descriptors: try Descriptors(path: path), source: path)
        case .reflection: throw Failure(description: "reflection is not there yet")
        }
    }
}

extension Descriptors {
    /// Bytes of the largest file that is read.
    private static let largestFile = 64 << 20

    /// Reads a file with a FileDescriptorSet.
    init(path: String) throws(MessageTypes.Failure) {
        func failure(_ reason: String) -> MessageTypes.Failure {
            MessageTypes.Failure(description: "\(path): \(reason)")
        }
        let file: RegularFile
        do throws(RegularFile.OpenError) {
            file = try RegularFile(path: path)
        } catch {
            throw failure(error.reason)
        }
        guard file.size <= Self.largestFile else { throw failure("it is larger than \(Self.largestFile) bytes") }
        let bytes: [UInt8]
        do throws(RegularFile.ReadError) {
            bytes = try file.contents()
        } catch {
            throw failure(error.reason)
        }
        do throws(DescriptorError) {
            try self.init(fileDescriptorSet: bytes)
        } catch {
            throw failure("\(error)")
        }
    }
}

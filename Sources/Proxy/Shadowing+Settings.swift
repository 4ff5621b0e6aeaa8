import Asking
import Comparison
import ControlPlane
import DataPlane
import Ground
import Settings

extension Shadowing {
    /// What shadow steps need, by the settings; `nil` if no method may be copied.
    init?(_ settings: ProxySettings, _ asker: Asker) throws(SystemError) {
        guard !settings.copies.methods.isEmpty else { return nil }
        let (source, endpoints) = (settings.descriptors, settings.endpoints)
        let reflection = DescriptorReflection(asker)
        self.init(comparer: try ShadowComparer(), reveals: settings.revealsValues) {
            color throws(MessageTypes.Failure) in
            switch source {
            case .off: return .none
            case .file(let path): return MessageTypes(descriptors: try Descriptors(path: path), source: path)
            case .reflection:
                return MessageTypes(
                    descriptors: try await Descriptors(of: endpoints[color], reflection), source: "reflection")
            }
        }
    }
}

extension Descriptors {
    /// Bytes of the largest file that is read.
    private static let largestFile = 64 << 20

    /// Asks all endpoints of a color at once, and takes the first answer.
    fileprivate init(
        of endpoints: [Endpoint], _ reflection: DescriptorReflection
    ) async throws(MessageTypes.Failure) {
        var failure = MessageTypes.Failure(description: "there is no endpoint")
        for await (endpoint, result) in Self.answers(of: endpoints, reflection) {
            let bytes: [UInt8]
            do throws(DescriptorReflection.Failure) {
                bytes = try result.get()
            } catch {
                failure = MessageTypes.Failure(description: error.description)
                continue
            }
            do throws(DescriptorError) {
                try self.init(fileDescriptorSet: bytes)
                return
            } catch {
                failure = MessageTypes.Failure(description: "what \(endpoint) tells by reflection: \(error)")
            }
        }
        throw failure
    }

    private typealias Told = (Endpoint, Result<[UInt8], DescriptorReflection.Failure>)

    private static func answers(
        of endpoints: [Endpoint], _ reflection: DescriptorReflection
    ) -> AsyncStream<Told> {
        let (stream, continuation) = AsyncStream.makeStream(of: Told.self)
        Task {
            await withTaskGroup(of: Void.self) { group in
                for endpoint in endpoints {
                    group.addTask {
                        do throws(DescriptorReflection.Failure) {
                            continuation.yield((endpoint, .success(try await reflection.descriptorSet(of: endpoint))))
                        } catch {
                            continuation.yield((endpoint, .failure(error)))
                        }
                    }
                }
            }
            continuation.finish()
        }
        return stream
    }

    /// Reads a file with a FileDescriptorSet.
    fileprivate init(path: String) throws(MessageTypes.Failure) {
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

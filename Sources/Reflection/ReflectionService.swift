internal import FoundationEssentials
import GRPCServer
import Ground
internal import SwiftProtobuf

/// gRPC server reflection: tells clients which services there are and what their messages look like, so that tools can
/// call them without the .proto files.
///
/// Source: "GRPC Server Reflection Protocol", https://github.com/grpc/grpc/blob/master/doc/server-reflection.md, and where it
/// says nothing, what grpcio-reflection does.
package struct ReflectionService: Sendable {
    /// Why descriptors can't be told.
    package enum Flaw: Error, Equatable, CustomStringConvertible {
        /// The one at a place is no `FileDescriptorProto`.
        case unreadable(Int)
        /// Two files of the same name differ.
        case ambiguous(String)
        /// A file imports another one that is missing.
        case incomplete(String, needs: String)
        /// No file declares a service.
        case undeclared(service: String)

        package var description: String {
            switch self {
            case .unreadable(let place): "descriptor \(place) can't be read"
            case .ambiguous(let file): "there are different descriptors of \(file)"
            case .incomplete(let file, let needed): "\(file) needs \(needed), which is missing"
            case .undeclared(let service): "no descriptor declares \(service)"
            }
        }
    }

    /// The service by its present name, and by the older one by which many clients still ask. Their messages are the
    /// same bytes.
    package static let names = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]

    private let index: DescriptorIndex
    private let services: [String]

    /// - Parameters:
    ///   - descriptors: serialized `google.protobuf.FileDescriptorProto` messages, with those of all files that they need;
    ///     reflection's own are there anyway.
    ///   - services: the full names of the server's services, except for reflection's own.
    package init(descriptors: [[UInt8]], services: [String]) throws(Flaw) {
        let services = Set(services + Self.names).sorted()
        let index = try DescriptorIndex(descriptors + ReflectionDescriptors.files)
        if let service = services.first(where: { !index.declares(service: $0) }) { throw .undeclared(service: service) }
        self.index = index
        self.services = services
    }

    package var methods: [Method] {
        Self.names.map { name in
            Method("\(name)/ServerReflectionInfo", streaming: { _ in ReflectionStream(service: self) })
        }
    }

    /// Answers one question. What is unknown is answered NOT_FOUND, and a question that asks for nothing
    /// INVALID_ARGUMENT; neither ends the call.
    package func answer(
        _ request: Grpc_Reflection_V1_ServerReflectionRequest
    ) -> Grpc_Reflection_V1_ServerReflectionResponse {
        var response = Grpc_Reflection_V1_ServerReflectionResponse()
        response.validHost = request.host
        response.originalRequest = request
        response.messageResponse =
            switch request.messageRequest {
            case .fileByFilename(let name):
                Self.files(index.files(named: name), orElse: "there is no file '\(name)'")
            case .fileContainingSymbol(let symbol):
                Self.files(index.files(declaring: symbol), orElse: "no file declares '\(symbol)'")
            case .fileContainingExtension(let wanted):
                Self.files(
                    index.files(extending: wanted.containingType, number: wanted.extensionNumber),
                    orElse: "'\(wanted.containingType)' has no extension \(wanted.extensionNumber)")
            case .allExtensionNumbersOfType(let message): extensionNumbers(of: message)
            case .listServices: list()
            case nil: Self.error(.invalidArgument, "the question asks for nothing that is known here")
            }
        return response
    }

    private typealias Answer = Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse

    private static func files(_ files: [Data]?, orElse reason: String) -> Answer {
        guard let files else { return error(.notFound, reason) }
        var answer = Grpc_Reflection_V1_FileDescriptorResponse()
        answer.fileDescriptorProto = files
        return .fileDescriptorResponse(answer)
    }

    private func extensionNumbers(of message: String) -> Answer {
        guard let numbers = index.extensionNumbers(of: message) else {
            return Self.error(.notFound, "there is no message '\(message)'")
        }
        var answer = Grpc_Reflection_V1_ExtensionNumberResponse()
        answer.baseTypeName = message
        answer.extensionNumber = numbers
        return .allExtensionNumbersResponse(answer)
    }

    private func list() -> Answer {
        var answer = Grpc_Reflection_V1_ListServiceResponse()
        for name in services {
            var service = Grpc_Reflection_V1_ServiceResponse()
            service.name = name
            answer.service.append(service)
        }
        return .listServicesResponse(answer)
    }

    private static func error(_ code: GRPCStatus, _ reason: String) -> Answer {
        var answer = Grpc_Reflection_V1_ErrorResponse()
        answer.errorCode = Int32(code.rawValue)
        answer.errorMessage = reason
        return .errorResponse(answer)
    }
}

/// One call of `ServerReflectionInfo`: the n-th response answers the n-th request. A client that doesn't read its answers
/// has no more of its questions read.
private final class ReflectionStream: StreamHandler {
    private let service: ReflectionService

    init(service: ReflectionService) {
        self.service = service
    }

    func received(_ message: [UInt8], _ call: ServerCall) {
        guard let request = try? Grpc_Reflection_V1_ServerReflectionRequest(serializedBytes: message),
            let answer: [UInt8] = try? service.answer(request).serializedBytes()
        else {
            return call.finish(RPCStatus(.invalidArgument, "the request is not a valid ServerReflectionRequest"))
        }
        call.send(answer)
        if !call.hasRoom { call.pauseReading() }
    }

    func roomWasMade(_ call: ServerCall) { call.resumeReading() }

    func requestEnded(_ call: ServerCall) { call.finish() }
}

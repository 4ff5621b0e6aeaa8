import DataPlane
import FoundationEssentials
import Ground

/// The switch state as stored in the state file: JSON that names its own format and version.
///
/// The current state appears at the top as well as in the history, for people who read the file; both must agree, so a
/// file that was truncated, mixed or half edited is detected.
struct StateDocument: Codable {
    static let format = "sluice-state"
    /// The version that knows of releases. A state that has had none is written in version 1, which earlier builds read.
    static let version = 2

    var format = Self.format
    var version: Int
    var active: Color
    var previous: Color?
    var epoch: UInt64
    var since: Timestamp
    var forced: Bool
    var reason: String?
    var history: [Change]
    var releases: [Release]?

    init(_ state: SwitchState) {
        let hasReleases = !state.releases.isEmpty || state.epoch != state.current.epoch
        version = hasReleases ? Self.version : 1
        releases = hasReleases ? state.releases : nil
        active = state.active
        previous = state.previous
        epoch = state.epoch
        since = state.current.at
        forced = state.current.forced
        reason = state.current.reason
        history = state.history
    }

    /// The state; `nil` if its parts don't follow from each other.
    var state: SwitchState? {
        guard let releases else { return SwitchState(history: history) }
        return SwitchState(history: history, releases: releases, epoch: epoch)
    }

    /// What is wrong with a document, worded to follow the file's name.
    struct Flaw: Error {
        var text: String
    }

    /// Reads a state file's bytes.
    static func decode(_ bytes: [UInt8]) throws(Flaw) -> SwitchState {
        struct Label: Decodable {
            var format: String?
            var version: Int?
        }
        let label: Label
        do {
            label = try JSONCoding.decode(Label.self, from: bytes)
        } catch DecodingError.typeMismatch, DecodingError.valueNotFound {
            throw Flaw(text: "is not a Sluice state file")
        } catch {
            throw Flaw(text: "is torn or damaged: it is not a whole JSON document (\(bytes.count) bytes)")
        }
        guard label.format == format else { throw Flaw(text: "is not a Sluice state file") }
        guard let number = label.version, (1...version).contains(number) else {
            throw Flaw(
                text: "has version \(label.version.map(String.init) ?? "none"); this build reads 1 to \(version)")
        }
        let document: StateDocument
        do {
            document = try JSONCoding.decode(StateDocument.self, from: bytes)
        } catch let error as DecodingError {
            throw Flaw(text: "is damaged: \(error.inOneLine)")
        } catch {
            throw Flaw(text: "is damaged: \(error)")
        }
        guard let state = document.state else {
            throw Flaw(text: "is damaged: its history does not follow from one change to the next")
        }
        let top = StateDocument(state)
        guard document.active == top.active, document.previous == top.previous, document.epoch == top.epoch,
            document.since == top.since, document.forced == top.forced, document.reason == top.reason
        else { throw Flaw(text: "is damaged: its current state is not the newest change of its history") }
        return state
    }
}

extension DecodingError {
    /// The place and the error, without the dump of the decoder's context.
    fileprivate var inOneLine: String {
        let context =
            switch self {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
                .dataCorrupted(let context):
                context
            @unknown default: Context(codingPath: [], debugDescription: "\(self)")
            }
        let place = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        return (place.isEmpty ? "" : place + ": ") + context.debugDescription
    }
}

/// As in the state file: for a process that takes over.
extension SwitchState: Codable {
    package init(from decoder: any Decoder) throws {
        guard let state = try StateDocument(from: decoder).state else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no state follows from this history"))
        }
        self = state
    }

    package func encode(to encoder: any Encoder) throws {
        try StateDocument(self).encode(to: encoder)
    }
}

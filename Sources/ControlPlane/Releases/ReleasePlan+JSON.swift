import DataPlane
import DurationSyntax
import FoundationEssentials

extension ReleasePlan {
    /// What is wrong with a plan, as a sentence that names the field.
    package struct Flaw: Error, Equatable {
        package var text: String
    }

    /// Reads the body of `POST /release`. A field that isn't known is an error: a limit that was meant and isn't kept
    /// would be worse than none.
    ///
    /// - Parameter active: the color that a plan without `to` leads away from.
    package init(json bytes: [UInt8], active: Color) throws(Flaw) {
        let given: Fields
        do {
            given = try JSONCoding.decode(Fields.self, from: bytes)
        } catch let flaw as Flaw {
            throw flaw
        } catch let error as DecodingError {
            throw Flaw(text: "the body is not a release plan: \(error.place)")
        } catch {
            throw Flaw(text: "the body is not JSON: \(error)")
        }
        let to: Color
        if let name = given.to {
            guard let color = Color(name: name) else { throw Flaw(text: "to is \"\(name)\"; allowed: blue, green") }
            to = color
        } else {
            to = active.other
        }
        var steps: [Step] = []
        for (index, step) in (given.steps ?? []).enumerated() {
            steps.append(try Self.step(step, index, after: steps.last))
        }
        guard steps.count <= Self.mostSteps else {
            throw Flaw(text: "there are \(steps.count) steps; allowed: at most \(Self.mostSteps)")
        }
        let minCalls = given.minCalls ?? Double(Self.usualMinCalls)
        guard (0...1e9).contains(minCalls), minCalls == minCalls.rounded() else {
            throw Flaw(text: "min_calls is \(minCalls); allowed: a whole number from 0 to 1000000000")
        }
        var onNoData = NoData.pause
        if let name = given.onNoData {
            guard let found = NoData(rawValue: name) else {
                throw Flaw(
                    text: "on_no_data is \"\(name)\"; allowed: "
                        + NoData.allCases.map(\.rawValue).joined(separator: ", "))
            }
            onNoData = found
        }
        self.init(to: to, steps: steps, minCalls: Int(minCalls), onNoData: onNoData, reason: given.reason)
        try takeLimits(given)
        if let text = given.expect {
            guard let expectation = ExpectedVersion(text) else {
                throw Flaw(text: "expect is \"\(text)\"; allowed: \(ExpectedVersion.allowed)")
            }
            expect = expectation
        }
    }

    private mutating func takeLimits(_ given: Fields) throws(Flaw) {
        if let name = given.onBreach {
            guard let found = OnBreach(rawValue: name) else {
                throw Flaw(
                    text: "on_breach is \"\(name)\"; allowed: "
                        + OnBreach.allCases.map(\.rawValue).joined(separator: ", "))
            }
            onBreach = found
        }
        if let text = given.errorMargin {
            guard let share = Share(percentOrNone: text), share.parts <= Share.whole / 2 else {
                throw Flaw(text: "error_margin is \"\(text)\"; allowed: 0% to 50%, with two decimals at most")
            }
            errorMargin = share.fraction
        }
        if let factor = given.latencyMargin {
            guard (1...100).contains(factor) else {
                throw Flaw(text: "latency_margin is \(factor); allowed: 1 to 100")
            }
            latencyMargin = factor
        }
        if let text = given.maxErrorShare {
            maxErrorShare = try Self.limit(text, "max_error_share")
        }
        if let text = given.maxP99 {
            guard let time = Duration(text: text), (Duration.milliseconds(1)...Duration.seconds(60)).contains(time)
            else {
                throw Flaw(text: "max_p99 is \"\(text)\"; allowed: 1ms to 1m, such as 250ms")
            }
            maxP99 = time.inSeconds
        }
        if let text = given.minAgreement {
            minAgreement = try Self.limit(text, "min_agreement")
        }
        comparison = try ComparisonPlan(
            tolerance: given.tolerance.map { ($0.absolute, $0.relative) }, ignore: given.ignore, noise: given.noise)
        if let text = given.guard { guardMilliseconds = try Self.guardTime(text).wholeMilliseconds }
        judgesExhausted = given.judgeResourceExhausted == true ? true : nil
    }

    /// Reads a share that is a limit: neither nothing nor all.
    private static func limit(_ text: String, _ name: String) throws(Flaw) -> Double {
        guard let share = Share(percent: text), share < .all else {
            throw Flaw(text: "\(name) is \"\(text)\"; allowed: 0.01% to 99.99%, with two decimals at most")
        }
        return share.fraction
    }

    /// The plan of a switch after which the new color is judged.
    ///
    /// - Parameters:
    ///   - text: how long.
    ///   - active: the color that it leads away from.
    init(guarding text: String, active: Color) throws(Flaw) {
        self.init(to: active.other, steps: [])
        guardMilliseconds = try Self.guardTime(text).wholeMilliseconds
    }

    /// Reads how long a guard lasts.
    static func guardTime(_ text: String) throws(Flaw) -> Duration {
        guard let time = Duration(text: text), times.contains(time) else {
            throw Flaw(text: "guard is \"\(text)\"; allowed: 1ms to \(times.upperBound.text), such as 60s or 5m")
        }
        return time
    }

    private static func step(_ step: Fields.StepFields, _ index: Int, after last: Step?) throws(Flaw) -> Step {
        let (name, percent): (String, String)
        switch (step.canary, step.shadow) {
        case (let canary?, nil): (name, percent) = ("canary", canary)
        case (nil, let shadow?): (name, percent) = ("shadow", shadow)
        case (nil, nil):
            throw Flaw(text: "steps[\(index)] has no canary, such as \"5%\", and no shadow, such as \"10%\"")
        case (_?, _?):
            throw Flaw(text: "steps[\(index)] has canary and shadow; allowed: one of them")
        }
        guard let share = Share(percent: percent) else {
            throw Flaw(
                text: "steps[\(index)].\(name) is \"\(percent)\"; allowed: 0.01% to 100%, with two decimals at most")
        }
        guard let text = step.for else { throw Flaw(text: "steps[\(index)] has no for, such as \"60s\"") }
        guard let time = Duration(text: text), times.contains(time) else {
            throw Flaw(
                text: "steps[\(index)].for is \"\(text)\"; allowed: 1ms to \(times.upperBound.text), such as 30s or 5m")
        }
        if name == "shadow" {
            // It would move keys back, too.
            if let last, !last.isShadow {
                throw Flaw(text: "steps[\(index)] is a shadow step after a canary step; allowed: before all of them")
            }
            return Step(.shadow(share), time: time)
        }
        // A share that shrinks would move keys back that have seen the new version.
        if let last, share < last.share {
            throw Flaw(
                text: "steps[\(index)].canary is \"\(percent)\"; allowed: \(last.share.percent), as before, or more")
        }
        return Step(canary: share, time: time)
    }

    /// The fields as they are written.
    private struct Fields: Decodable {
        struct StepFields: Decodable {
            var canary: String?
            var shadow: String?
            var `for`: String?

            init(from decoder: any Decoder) throws {
                let container = try KnownFields.container(of: decoder, ["canary", "shadow", "for"], "a step")
                canary = try container.decodeIfPresent(String.self, forKey: .init("canary"))
                shadow = try container.decodeIfPresent(String.self, forKey: .init("shadow"))
                `for` = try container.decodeIfPresent(String.self, forKey: .init("for"))
            }
        }

        struct ToleranceFields: Decodable {
            var absolute: Double?
            var relative: Double?

            init(from decoder: any Decoder) throws {
                let container = try KnownFields.container(of: decoder, ["absolute", "relative"], "tolerance")
                absolute = try container.decodeIfPresent(Double.self, forKey: .init("absolute"))
                relative = try container.decodeIfPresent(Double.self, forKey: .init("relative"))
            }
        }

        var to: String?
        var steps: [StepFields]?
        var minCalls: Double?
        var onNoData: String?
        var onBreach: String?
        var errorMargin: String?
        var latencyMargin: Double?
        var maxErrorShare: String?
        var maxP99: String?
        var minAgreement: String?
        var tolerance: ToleranceFields?
        var ignore: [String]?
        var noise: String?
        var `guard`: String?
        var judgeResourceExhausted: Bool?
        var reason: String?
        var expect: String?

        init(from decoder: any Decoder) throws {
            let container = try KnownFields.container(
                of: decoder,
                [
                    "to", "steps", "minCalls", "onNoData", "onBreach", "errorMargin", "latencyMargin", "maxErrorShare",
                    "maxP99", "minAgreement", "tolerance", "ignore", "noise", "guard", "judgeResourceExhausted",
                    "reason",
                    "expect",
                ], "a release plan")
            to = try container.decodeIfPresent(String.self, forKey: .init("to"))
            steps = try container.decodeIfPresent([StepFields].self, forKey: .init("steps"))
            minCalls = try container.decodeIfPresent(Double.self, forKey: .init("minCalls"))
            onNoData = try container.decodeIfPresent(String.self, forKey: .init("onNoData"))
            onBreach = try container.decodeIfPresent(String.self, forKey: .init("onBreach"))
            errorMargin = try container.decodeIfPresent(String.self, forKey: .init("errorMargin"))
            latencyMargin = try container.decodeIfPresent(Double.self, forKey: .init("latencyMargin"))
            maxErrorShare = try container.decodeIfPresent(String.self, forKey: .init("maxErrorShare"))
            maxP99 = try container.decodeIfPresent(String.self, forKey: .init("maxP99"))
            minAgreement = try container.decodeIfPresent(String.self, forKey: .init("minAgreement"))
            tolerance = try container.decodeIfPresent(ToleranceFields.self, forKey: .init("tolerance"))
            ignore = try container.decodeIfPresent([String].self, forKey: .init("ignore"))
            noise = try container.decodeIfPresent(String.self, forKey: .init("noise"))
            `guard` = try container.decodeIfPresent(String.self, forKey: .init("guard"))
            judgeResourceExhausted = try container.decodeIfPresent(
                Bool.self, forKey: .init("judgeResourceExhausted"))
            reason = try container.decodeIfPresent(String.self, forKey: .init("reason"))
            expect = try container.decodeIfPresent(String.self, forKey: .init("expect"))
        }
    }

    /// A field's name, after its snake case has been taken away.
    private struct KnownFields: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }

        /// - Throws: `Flaw` for a field of another name.
        static func container(
            of decoder: any Decoder, _ names: [String], _ what: String
        ) throws -> KeyedDecodingContainer<KnownFields> {
            let container = try decoder.container(keyedBy: KnownFields.self)
            for key in container.allKeys where !names.contains(key.stringValue) {
                let allowed = names.map(\.inSnakeCase).joined(separator: ", ")
                throw Flaw(text: "\(what) has no field \"\(key.stringValue.inSnakeCase)\"; allowed: \(allowed)")
            }
            return container
        }
    }
}

extension String {
    /// `minCalls` as it is written in JSON: `min_calls`.
    fileprivate var inSnakeCase: String {
        var text = ""
        for character in self {
            if character.isUppercase { text += "_" + character.lowercased() } else { text.append(character) }
        }
        return text
    }
}

extension DecodingError {
    /// The field and what it should be.
    fileprivate var place: String {
        switch self {
        case .typeMismatch(let type, let context): "\(Self.path(context)) is no \(Self.name(of: type))"
        case .valueNotFound(_, let context): "\(Self.path(context)) is null"
        case .keyNotFound(let key, _): "\(key.stringValue) is missing"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "\(Self.path(context)) is not what it has to be"
        case .dataCorrupted: "it is not JSON"
        @unknown default: "it is not JSON"
        }
    }

    private static func path(_ context: Context) -> String {
        var text = ""
        for key in context.codingPath {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + key.stringValue.inSnakeCase
            }
        }
        return text.isEmpty ? "it" : text
    }

    private static func name(of type: Any.Type) -> String {
        switch type {
        case is String.Type: "string"
        case is Double.Type: "number"
        case is [Any].Type: "list"
        default: "object"
        }
    }
}

/// For a process that goes on where another one was: as lists, since a pair of a color and its counts has no name in JSON.
extension StepStatistics: Codable {
    private enum CodingKeys: String, CodingKey {
        case epoch
        case methods
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            epoch: try container.decode(UInt64.self, forKey: .epoch),
            methods: try container.decode([String: Method].self, forKey: .methods))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(epoch, forKey: .epoch)
        try container.encode(methods, forKey: .methods)
    }
}

extension StepStatistics.Method: Codable {
    private enum CodingKeys: String, CodingKey {
        case colors
        case withoutKey
        case keys
        case hasMoreKeys
    }

    private struct Key: Codable {
        var key: UInt64
        var isGreen: Bool
        var outcome: StepStatistics.Outcome
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        colors = Self.pair(try container.decode([StepStatistics.Outcome].self, forKey: .colors))
        withoutKey = Self.pair(try container.decode([StepStatistics.Outcome].self, forKey: .withoutKey))
        for key in try container.decode([Key].self, forKey: .keys) {
            keys[key.key] = (key.isGreen ? .green : .blue, key.outcome)
        }
        hasMoreKeys = try container.decode(Bool.self, forKey: .hasMoreKeys)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Color.allCases.map { colors[$0] }, forKey: .colors)
        try container.encode(Color.allCases.map { withoutKey[$0] }, forKey: .withoutKey)
        try container.encode(
            keys.map { Key(key: $0.key, isGreen: $0.value.color == .green, outcome: $0.value.outcome) }, forKey: .keys)
        try container.encode(hasMoreKeys, forKey: .hasMoreKeys)
    }

    private static func pair(_ list: [StepStatistics.Outcome]) -> PerColor<StepStatistics.Outcome> {
        var pair = PerColor { _ in StepStatistics.Outcome() }
        for (color, outcome) in zip(Color.allCases, list) { pair[color] = outcome }
        return pair
    }
}

extension StepStatistics.Outcome: Codable {
    private enum CodingKeys: String, CodingKey {
        case calls
        case failures
        case unimplemented
        case succeeded
        case late
        case exhausted
        case underWay
        case firstByte
        case duration
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        calls = try container.decode(Int.self, forKey: .calls)
        failures = try container.decode(Int.self, forKey: .failures)
        unimplemented = try container.decode(Int.self, forKey: .unimplemented)
        succeeded = try container.decode(Int.self, forKey: .succeeded)
        late = try container.decode(Int.self, forKey: .late)
        exhausted = try container.decode(Int.self, forKey: .exhausted)
        underWay = try container.decode(Int.self, forKey: .underWay)
        firstByte = try container.decode([UInt32].self, forKey: .firstByte)
        // What an earlier version has written has none.
        duration = try container.decodeIfPresent([UInt32].self, forKey: .duration) ?? []
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(calls, forKey: .calls)
        try container.encode(failures, forKey: .failures)
        try container.encode(unimplemented, forKey: .unimplemented)
        try container.encode(succeeded, forKey: .succeeded)
        try container.encode(late, forKey: .late)
        try container.encode(exhausted, forKey: .exhausted)
        try container.encode(underWay, forKey: .underWay)
        try container.encode(firstByte, forKey: .firstByte)
        try container.encode(duration, forKey: .duration)
    }
}

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

import DataPlane

/// What the old color served in the minutes before all calls went to the new one, or before a release began: what the new
/// color is compared with where there is nothing at the same time.
///
/// Kept with the release, since it can't be counted again: bounded, and the same for as long as it is compared with.
package struct ReleaseBank: Sendable, Equatable, Codable {
    /// What a key got from a method.
    package struct Key: Sendable, Equatable, Codable {
        package var key: UInt64
        package var served: StepStatistics.Outcome
    }

    /// What came of a method's calls.
    package struct Method: Sendable, Equatable, Codable {
        package var served: StepStatistics.Outcome
        /// Of its calls, those without a key, where others have one.
        package var withoutKey: StepStatistics.Outcome
        package var keys: [Key]
        /// Whether there were more keys than are kept.
        package var hasMoreKeys: Bool
    }

    /// By path.
    package private(set) var methods: [String: Method] = [:]
    /// By which the keys are told apart; never shown.
    private let keySecretWords: [UInt64]

    /// Keys of all methods that are kept.
    private static let mostKeys = 1_000

    /// - Parameters:
    ///   - past: what was served.
    ///   - color: the color that served it.
    ///   - earlier: what was known before: keys that have been on the new color lately have their past there.
    package init(
        _ past: StepStatistics, by color: Color, keySecret: ShareSecret, earlier: ReleaseBank? = nil
    ) {
        keySecretWords = [keySecret.first, keySecret.second]
        var room = Self.mostKeys
        for (path, method) in past.methods.sorted(by: { $0.key < $1.key }) {
            var keys = method.keys.map { Key(key: $0.key, served: $0.value.outcome) }
            let known = Set(method.keys.keys)
            keys += earlier?.methods[path]?.keys.filter { !known.contains($0.key) } ?? []
            // Which keys are kept must not depend on how they fared.
            keys.sort { $0.key < $1.key }
            methods[path] = Method(
                served: method.colors[color], withoutKey: method.withoutKey[color], keys: Array(keys.prefix(room)),
                hasMoreKeys: method.hasMoreKeys || keys.count > room)
            room -= min(room, keys.count)
        }
    }

    package var keySecret: ShareSecret { ShareSecret(keySecretWords.first ?? 0, keySecretWords.last ?? 0) }
}

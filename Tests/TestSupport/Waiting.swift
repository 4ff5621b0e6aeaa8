/// Polls a condition every 2 ms until it holds or a minute has passed; a busy machine may need that long.
///
/// - Returns: whether the condition came to hold.
package func eventually(_ condition: @Sendable () async -> Bool) async -> Bool {
    let deadline = ContinuousClock.now.advanced(by: .seconds(60))
    while ContinuousClock.now < deadline {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return await condition()
}

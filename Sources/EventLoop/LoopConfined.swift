/// Carries a value that belongs to a loop's thread across another thread.
///
/// `@unchecked Sendable`: the other thread only carries the value; it is used on its own thread again.
package struct LoopConfined<Value>: @unchecked Sendable {
    /// The value, to be touched on the loop's thread only.
    package let value: Value

    package init(_ value: Value) {
        self.value = value
    }
}

/// Lets a value that belongs to a loop's thread travel over another one.
///
/// `@unchecked Sendable`: the other thread only carries it; it is used on its own thread again.
package struct LoopConfined<Value>: @unchecked Sendable {
    /// To be touched on the loop's thread only.
    package let value: Value

    package init(_ value: Value) {
        self.value = value
    }
}

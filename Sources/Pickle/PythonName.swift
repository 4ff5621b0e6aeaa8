/// The full name of a Python class or function, as a pickle names what it wants to be called.
package struct PythonName: Sendable, Hashable, CustomStringConvertible {
    /// The module's dotted path, for example `sklearn.linear_model._logistic`.
    package let module: String

    /// The qualified name inside the module, for example `LogisticRegression`.
    package let name: String

    package init(module: String, name: String) {
        self.module = module
        self.name = name
    }

    /// `module.name`.
    package var description: String { "\(module).\(name)" }
}

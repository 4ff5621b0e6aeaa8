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

    /// `module.name`, as long as the file has it: a message says `quoted(_:)`.
    package var description: String { "\(module).\(name)" }

    /// Whether it is of a length that names have. A file may have one of many megabytes, and name it again and again: no
    /// other is ever looked up.
    var isPlausible: Bool { module.utf8.count <= 256 && name.utf8.count <= 256 }
}

/// The full name of a Python class or function that a pickle wants to be called.
package struct PythonName: Sendable, Hashable, CustomStringConvertible {
    /// The module's dotted path, for example `sklearn.linear_model._logistic`.
    package let module: String

    /// The qualified name inside the module, for example `LogisticRegression`.
    package let name: String

    package init(module: String, name: String) {
        self.module = module
        self.name = name
    }

    /// `module.name`, however long the file has it: messages use `quoted(_:)`.
    package var description: String { "\(module).\(name)" }

    /// Whether its length is one that names have. A file may contain a name of many megabytes, and use it again and
    /// again: only a name of plausible length is ever looked up.
    var isPlausible: Bool { module.utf8.count <= 256 && name.utf8.count <= 256 }
}

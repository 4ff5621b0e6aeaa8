import Glibc
import Pickle

/// A function of numpy's that changes each number by itself.
enum NumpyFunction: String, Sendable, CaseIterable {
    case absolute, fabs, negative, positive, sign, square, sqrt, cbrt, reciprocal
    case exp, exp2, expm1, log, log2, log10, log1p
    case sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, tanh, arcsinh, arccosh, arctanh
    case floor, ceil, trunc, rint, degrees, radians, deg2rad, rad2deg

    /// - Parameter value: what a file has for the function.
    /// - Returns: nil for anything but a name among numpy's.
    init?(_ value: PickledValue, in document: PickledDocument) {
        guard case .name(let name)? = document.opaque(value), Self.modules.contains(name.module) else { return nil }
        self.init(rawValue: Self.synonyms[name.name] ?? name.name)
    }

    /// Where numpy's functions of numbers say that they are defined: before and since version 2.
    private static let modules: Set<String> = [
        "numpy", "numpy.core._multiarray_umath", "numpy._core._multiarray_umath", "numpy.core.umath",
        "numpy._core.umath",
    ]

    private static let synonyms = [
        "abs": "absolute", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
        "atanh": "arctanh",
    ]

    func callAsFunction(_ number: Double) -> Double {
        switch self {
        case .absolute, .fabs: abs(number)
        case .negative: -number
        case .positive: number
        case .sign: number.isNaN ? .nan : number > 0 ? 1 : number < 0 ? -1 : 0
        case .square: number * number
        case .sqrt: number.squareRoot()
        case .cbrt: Glibc.cbrt(number)
        case .reciprocal: 1 / number
        case .exp: Glibc.exp(number)
        case .exp2: Glibc.exp2(number)
        case .expm1: Glibc.expm1(number)
        case .log: Glibc.log(number)
        case .log2: Glibc.log2(number)
        case .log10: Glibc.log10(number)
        case .log1p: Glibc.log1p(number)
        case .sin: Glibc.sin(number)
        case .cos: Glibc.cos(number)
        case .tan: Glibc.tan(number)
        case .arcsin: Glibc.asin(number)
        case .arccos: Glibc.acos(number)
        case .arctan: Glibc.atan(number)
        case .sinh: Glibc.sinh(number)
        case .cosh: Glibc.cosh(number)
        case .tanh: Glibc.tanh(number)
        case .arcsinh: Glibc.asinh(number)
        case .arccosh: Glibc.acosh(number)
        case .arctanh: Glibc.atanh(number)
        case .floor: number.rounded(.down)
        case .ceil: number.rounded(.up)
        case .trunc: number.rounded(.towardZero)
        case .rint: number.rounded(.toNearestOrEven)
        case .degrees, .rad2deg: number * (180 / .pi)
        case .radians, .deg2rad: number * (.pi / 180)
        }
    }

    /// Whether the function of 0 is no finite number, but that of 1 is.
    var needsPositive: Bool {
        switch self {
        case .reciprocal, .log, .log2, .log10, .arccosh: true
        default: false
        }
    }
}

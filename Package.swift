// swift-tools-version: 6.2
import PackageDescription

/// The tools version implies Swift 6 language mode; these settings make imports, existentials and unsafe code
/// explicit too.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]

/// The modules on the path of a call, where dynamic checks of the law of exclusivity would cost a tenth of the time.
/// scripts/sanitize.sh builds them with these checks, and with assertions.
let isChecked = Context.environment["SLUICE_CHECKED"] != nil
let hotPath: [SwiftSetting] =
    strict
    + [
        .unsafeFlags(isChecked ? ["-enforce-exclusivity=checked"] : ["-enforce-exclusivity=unchecked"]),
        .unsafeFlags(["-cross-module-optimization"]),
    ]

/// Options of the programs' linker.
let linking: [LinkerSetting] = [
    .unsafeFlags(
        ["-Xclang-linker", "--config=\(Context.packageDirectory)/scripts/lib/linker.cfg"], .when(platforms: [.linux]))
]

let package = Package(
    name: "sluice",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "Proxy", targets: ["Proxy"]),
        .executable(name: "Predictor", targets: ["Predictor"]),
        .executable(name: "HealthProbe", targets: ["HealthProbe"]),
    ],
    // Each dependency has its one-line reason in docs/ARCHITECTURE.md. Package.versions lists what these versions resolve to.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // MARK: C libraries
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "CLinux"),

        // MARK: Ground floor
        .target(name: "Ground", dependencies: ["CLinux"], swiftSettings: hotPath),
        .testTarget(name: "GroundTests", dependencies: ["Ground", "TestSupport"], swiftSettings: strict),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),

        // MARK: Event loop and sockets
        .target(name: "EventLoop", dependencies: ["CLinux", "Ground"], swiftSettings: hotPath),
        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop", "Ground"], swiftSettings: strict),

        // MARK: TLS
        .target(name: "TLS", dependencies: ["COpenSSL", "EventLoop", "Ground"], swiftSettings: hotPath),
        .testTarget(name: "TLSTests", dependencies: ["EventLoop", "Ground", "TLS"], swiftSettings: strict),

        // MARK: Certificates
        .target(
            name: "Certificates",
            dependencies: [
                "Ground", "TLS",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "LogRecords", dependencies: [.product(name: "Logging", package: "swift-log")],
            path: "Tests/LogRecords", swiftSettings: strict),
        .testTarget(
            name: "CertificatesTests",
            dependencies: [
                "Certificates", "LogRecords", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),

        // MARK: HTTP/2
        .target(name: "HTTP2", dependencies: ["CNghttp2"], swiftSettings: hotPath),
        .testTarget(name: "HTTP2Tests", dependencies: ["CNghttp2", "HTTP2", "TestSupport"], swiftSettings: strict),

        // MARK: Connections
        .target(name: "Connections", dependencies: ["EventLoop", "Ground", "HTTP2", "TLS"], swiftSettings: hotPath),
        .testTarget(
            name: "ConnectionsTests",
            dependencies: ["Connections", "EventLoop", "Ground", "HTTP2", "TestSupport"], swiftSettings: strict),

        // MARK: Data plane
        .target(
            name: "DataPlane", dependencies: ["Connections", "EventLoop", "Ground", "HTTP2", "TLS"],
            swiftSettings: hotPath),
        .testTarget(
            name: "DataPlaneTests",
            dependencies: ["CNghttp2", "Connections", "DataPlane", "EventLoop", "Ground", "HTTP2", "TestSupport"],
            exclude: ["Simulation/README.md"], swiftSettings: strict),

        // MARK: gRPC server
        .target(
            name: "GRPCServer", dependencies: ["CZlib", "Connections", "EventLoop", "Ground", "HTTP2", "TLS"],
            swiftSettings: hotPath),
        .testTarget(
            name: "GRPCServerTests", dependencies: ["EventLoop", "GRPCServer", "Ground", "TestSupport"],
            swiftSettings: strict),

        // Built for the tests alone.
        .executableTarget(
            name: "InteropServer",
            dependencies: [
                "Connections", "GRPCServer", "Ground", "TLS",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Tests/InteropServer", exclude: ["interop.proto"], swiftSettings: strict
        ),

        // MARK: Server reflection
        .target(
            name: "Reflection",
            dependencies: ["GRPCServer", "Ground", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ReflectionTests",
            dependencies: ["GRPCServer", "Reflection", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: strict
        ),

        // MARK: Questions to upstreams
        .target(name: "Asking", dependencies: ["EventLoop", "Ground", "HTTP2", "TLS"], swiftSettings: strict),
        .target(
            name: "Serving", dependencies: ["Asking", "HTTP2"], path: "Tests/Serving", swiftSettings: strict),
        .testTarget(
            name: "AskingTests", dependencies: ["Asking", "Comparison", "Ground", "HTTP2", "Serving"],
            swiftSettings: strict),

        // MARK: Health checks
        .target(
            name: "HealthAPI",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: strict
        ),
        .target(
            name: "HealthCheck",
            dependencies: [
                "Asking", "EventLoop", "Ground", "HTTP2", "HealthAPI", "JSONText", "TLS",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "HealthCheckTests", dependencies: ["Asking", "HTTP2", "HealthCheck", "Serving"],
            swiftSettings: strict),

        // MARK: Durations as text
        .target(name: "DurationSyntax", swiftSettings: strict),
        .testTarget(name: "DurationSyntaxTests", dependencies: ["DurationSyntax"], swiftSettings: strict),

        // MARK: HTTP/1.1
        .target(
            name: "HTTP1",
            dependencies: [
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "HTTP1Tests",
            dependencies: [
                "HTTP1", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),

        // MARK: The judgement of a release
        .target(name: "Analysis", exclude: ["README.md"], swiftSettings: strict),
        .testTarget(name: "AnalysisTests", dependencies: ["Analysis"], swiftSettings: strict),

        // MARK: The comparison of answers
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Comparison", dependencies: ["CZlib"], swiftSettings: hotPath),
        .testTarget(
            name: "ComparisonTests", dependencies: ["CZlib", "Comparison", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: strict),

        // MARK: Control plane
        .target(
            name: "ControlPlane",
            dependencies: [
                "Analysis", "Asking", "Certificates", "Comparison", "Connections", "DataPlane", "DurationSyntax",
                "EventLoop", "Ground", "HTTP1", "HealthCheck", "JSONText",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "Analysis", "Asking", "Certificates", "Comparison", "Connections", "ControlPlane", "DataPlane",
                "EventLoop", "Ground", "HTTP1", "HealthCheck", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        // MARK: Taking over from another process
        .target(
            name: "Handover", dependencies: ["CLinux", "ControlPlane", "DataPlane", "EventLoop", "Ground"],
            swiftSettings: strict),
        .testTarget(
            name: "HandoverTests",
            dependencies: ["ControlPlane", "DataPlane", "EventLoop", "Ground", "Handover", "TestSupport"],
            swiftSettings: strict
        ),

        // MARK: Settings
        .target(
            name: "Settings",
            dependencies: [
                "Connections", "DataPlane", "DurationSyntax", "Ground", "HealthCheck",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SettingsTests",
            dependencies: [
                "DataPlane", "DurationSyntax", "Ground", "HealthCheck", "Settings", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),

        // MARK: Models
        // Debian has no pkg-config file for libbzip2: the module map names the library.
        .systemLibrary(name: "CBzip2", providers: [.apt(["libbz2-dev"])]),
        .systemLibrary(name: "CLzma", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .target(name: "Decompression", dependencies: ["CBzip2", "CLzma", "CZlib"], swiftSettings: strict),
        .testTarget(
            name: "DecompressionTests", dependencies: ["CBzip2", "CLzma", "CZlib", "Decompression", "TestSupport"],
            swiftSettings: strict),
        .target(name: "Pickle", swiftSettings: strict),
        .testTarget(name: "PickleTests", dependencies: ["Pickle", "TestSupport"], swiftSettings: strict),
        .target(name: "ModelFiles", dependencies: ["Decompression", "Pickle"], swiftSettings: strict),
        .testTarget(
            name: "ModelFilesTests", dependencies: ["Decompression", "ModelFiles", "Pickle", "TestSupport"],
            swiftSettings: strict),
        .target(name: "Estimators", dependencies: ["ModelFiles", "Pickle"], swiftSettings: strict),
        .testTarget(
            name: "EstimatorsTests", dependencies: ["Estimators", "ModelFiles", "Pickle", "TestSupport"],
            exclude: ["Fixtures"], swiftSettings: strict
        ),
        .target(
            name: "Inference",
            dependencies: [
                "Estimators", "Ground", "JSONText", "Pickle", .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "InferenceTests", dependencies: ["Estimators", "Inference", "TestSupport"], swiftSettings: strict),
        .target(
            name: "PredictionAPI",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: strict
        ),

        .target(
            name: "OpenInference",
            dependencies: [
                "Estimators", "Inference", "JSONText", "Pickle", "PredictionAPI",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "OpenInferenceTests",
            dependencies: [
                "Estimators", "Inference", "OpenInference", "PredictionAPI", "TestSupport",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["Fixtures"], swiftSettings: strict
        ),

        // MARK: JSON
        .target(name: "JSONText", swiftSettings: strict),
        .testTarget(name: "JSONTextTests", dependencies: ["JSONText"], swiftSettings: strict),
        .target(
            name: "JSONLogging",
            dependencies: ["Ground", "JSONText", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "JSONLoggingTests",
            dependencies: ["Ground", "JSONLogging", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict
        ),

        // MARK: Executables
        .executableTarget(
            name: "Proxy",
            dependencies: [
                "Asking", "Certificates", "Comparison", "Connections", "ControlPlane", "DataPlane", "DurationSyntax",
                "EventLoop", "Ground", "Handover", "HealthCheck", "JSONLogging", "Settings", "TLS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict, linkerSettings: linking
        ),
        .testTarget(
            name: "ProxyTests",
            dependencies: [
                "Certificates", "Connections", "ControlPlane", "DataPlane", "EventLoop", "Ground", "Handover",
                "HealthCheck", "JSONLogging", "LogRecords", "Proxy", "Settings", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "Predictor",
            dependencies: [
                "Certificates", "Connections", "DurationSyntax", "Estimators", "EventLoop", "GRPCServer", "Ground",
                "HTTP1", "HealthAPI", "Inference", "JSONLogging", "JSONText", "OpenInference", "PredictionAPI",
                "Reflection", "TLS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict, linkerSettings: linking
        ),
        .executableTarget(
            name: "HealthProbe",
            dependencies: [
                "Asking", "DurationSyntax", "Ground", "HealthCheck", "TLS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict, linkerSettings: linking
        ),
    ]
)

// For scripts/bench.sh alone: no image and no test has the sources.
if Context.environment["SLUICE_BENCH"] != nil {
    package.targets.append(
        .executableTarget(
            name: "ModelBench", dependencies: ["Estimators", "Ground"], path: "bench/ModelBench", swiftSettings: strict)
    )
}

// For scripts/sanitize.sh: the modules that depend on nothing but the system, which are built in a minute instead of a
// quarter of an hour.
if Context.environment["SLUICE_ALONE"] != nil {
    package.dependencies = []
    package.products = []
    var alone = package.targets
    repeat {
        let names = Set(alone.map(\.name))
        package.targets = alone
        alone = alone.filter { target in
            target.dependencies.allSatisfy { dependency in
                if case .byNameItem(let name, _) = dependency { names.contains(name) } else { false }
            }
        }
    } while alone.count < package.targets.count
}

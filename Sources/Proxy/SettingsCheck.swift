import ControlPlane
import DataPlane
import Glibc
import Ground
import NIOCore
import Settings
import TLS

/// What `--check` examines beyond the settings' form: files, folders and names. It connects to nothing.
struct SettingsCheck {
    private let settings: ProxySettings

    init(_ settings: ProxySettings) {
        self.settings = settings
    }

    /// - Throws: `SettingsErrors` with everything that would not work.
    func run() throws(SettingsErrors) {
        var errors: [SettingsError] = []
        do {
            _ = try BearerToken.read(settings)
        } catch {
            errors += error.errors
        }
        do {
            _ = try TLSContext.forClients(settings)
        } catch {
            errors += error.errors
        }
        do {
            _ = try TLSContext.forUpstreams(settings)
        } catch {
            errors += error.errors
        }
        do {
            _ = try AdminTLS.make(settings)
        } catch {
            errors += error.errors
        }
        do {
            _ = try EventTrust.make(settings)
        } catch {
            errors += error.errors
        }
        if settings.onEvent != nil { errors += checkAppendable(SettingTable.events.file, settings.eventQueueFile) }
        errors += checkState() + checkAppendable(SettingTable.files.auditLog, settings.auditLog)
        if let path = settings.handoverSocket, !isWritable(folder(of: path)) {
            errors.append(
                reject(SettingTable.process.handoverSocket, path, "a path in a folder that can be written to"))
        }
        if case .file(let path) = settings.accessLog { errors += checkAppendable(SettingTable.files.accessLog, path) }
        errors += checkNames()
        guard errors.isEmpty else { throw SettingsErrors(errors) }
    }

    /// All settings in the form of a YAML file, each with its source.
    static func table(of settings: ProxySettings) -> String {
        let lines = SettingTable.settings.map { setting in
            setting.text(in: settings).map { "\(setting.name): \($0.yaml)" } ?? "# \(setting.name):"
        }
        let width = lines.map(\.count).max() ?? 0
        return zip(SettingTable.settings, lines).map { setting, line in
            line + String(repeating: " ", count: width - line.count) + "  # \(settings.source(of: setting))\n"
        }.joined()
    }

    private func checkState() -> [SettingsError] {
        let (setting, path) = (SettingTable.files.state, settings.stateFile)
        do {
            _ = try StateStore.read(path: path)
        } catch {
            return [reject(setting, path, "a path where there is nothing yet, or a state file; \(error)")]
        }
        return isWritable(folder(of: path))
            ? [] : [reject(setting, path, "a file in a folder that can be written to")]
    }

    private func checkAppendable(_ setting: some DeclaredSetting, _ path: String) -> [SettingsError] {
        let exists = unsafe access(path, F_OK) == 0
        let usable = exists ? LogFile.isAllowed(path: path) && isWritable(path) : isWritable(folder(of: path))
        return usable ? [] : [reject(setting, path, "a file that can be written to, or made")]
    }

    private func checkNames() -> [SettingsError] {
        let table = SettingTable.addresses
        let addresses: [(any DeclaredSetting, [Endpoint])] = [
            (table.listen, [settings.listen]), (table.admin, [settings.admin]), (table.blue, settings.endpoints.blue),
            (table.green, settings.endpoints.green),
            (SettingTable.preview.address, [settings.preview].compactMap { $0 }),
        ]
        return addresses.flatMap { setting, endpoints in
            endpoints.filter { $0.unixPath == nil }.compactMap { endpoint in
                do {
                    _ = try SocketAddress.makeAddressResolvingHost(endpoint.host, port: Int(endpoint.port))
                    return nil
                } catch {
                    let reason = (error as? SocketAddressError.UnknownHost)?.errorDescription ?? "\(error)"
                    return reject(setting, endpoint.description, "a name that resolves (\(reason))")
                }
            }
        }
    }

    private func isWritable(_ path: String) -> Bool {
        unsafe access(path, W_OK) == 0
    }

    private func reject(_ setting: some DeclaredSetting, _ given: String, _ allowed: String) -> SettingsError {
        settings.rejection(of: setting, given, allowed: allowed)
    }
}

extension String {
    /// The value in YAML, quoted if it would otherwise mean something else or nothing.
    fileprivate var yaml: String {
        let isPlain =
            !isEmpty && self != "-" && self != "off" && first != "["
            && allSatisfy { $0.isASCII && !$0.isWhitespace && $0 != "#" && $0 != "\"" && $0 != "'" }
        return isPlain ? self : "\"" + replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}

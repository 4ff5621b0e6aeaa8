import ArgumentParser

/// The flags of all settings.
///
/// ArgumentParser finds a type's options by reflection (`customMirror`) and gives them their values by decoding
/// (`init(from:)`); here the table of settings provides both, so that no flag has to be declared.
struct PredictorFlags: ParsableArguments, CustomReflectable {
    /// The values given as flags, by the setting's variable; a setting that was not given has no entry.
    private(set) var given: [String: String] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FlagKey.self)
        for setting in PredictorSetting.all {
            let option = try container.decode(Option<String?>.self, forKey: FlagKey(setting.flag))
            given[setting.variable] = option.wrappedValue
        }
    }

    var customMirror: Mirror {
        Mirror(
            self,
            children: PredictorSetting.all.map { setting in
                let help = ArgumentHelp(setting.flagHelp, valueName: setting.placeholder)
                return (setting.flag, Option<String?>(name: .customLong(setting.flag), help: help))
            }, displayStyle: .struct)
    }
}

/// A setting, by the name of its flag.
private struct FlagKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

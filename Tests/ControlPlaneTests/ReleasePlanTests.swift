import ControlPlane
import DataPlane
import Testing

@Suite struct ReleasePlanTests {
    private func plan(_ json: String) throws(ReleasePlan.Flaw) -> ReleasePlan {
        try ReleasePlan(json: Array(json.utf8), active: .blue)
    }

    private func flaw(_ json: String) -> String? {
        do throws(ReleasePlan.Flaw) {
            _ = try plan(json)
            return nil
        } catch {
            return error.text
        }
    }

    @Test func isReadWithDefaults() throws {
        #expect(try plan("{}") == ReleasePlan(to: .green, steps: []))
        let full = try plan(
            """
            {"to": "green", "steps": [{"canary": "5%", "for": "1m30s"}, {"canary": "5%", "for": "1ms"}],
             "min_calls": 0, "on_no_data": "abort", "reason": "why"}
            """)
        #expect(full.steps.map(\.share) == [Share(parts: 500), Share(parts: 500)])
        #expect(full.steps.map(\.time) == [.seconds(90), .milliseconds(1)])
        #expect(full.minCalls == 0 && full.onNoData == .abort && full.reason == "why")
    }

    /// A limit that was meant and isn't kept would be worse than none.
    @Test func refusesWhatItDoesNotKnow() {
        #expect(
            flaw(#"{"guards": "60s"}"#)
                == #"a release plan has no field "guards"; allowed: to, steps, min_calls, on_no_data, on_breach, "#
                + "error_margin, latency_margin, max_error_share, max_p99, min_agreement, tolerance, ignore, noise, "
                + "guard, judge_resource_exhausted, reason, expect")
        #expect(
            flaw(#"{"steps": [{"mirror": "1%"}]}"#) == #"a step has no field "mirror"; allowed: canary, shadow, for"#)
        #expect(
            flaw(#"{"tolerance": {"percent": 1}}"#) == #"tolerance has no field "percent"; allowed: absolute, relative"#
        )
        #expect(flaw(#"{"max_errors": 1}"#)?.hasPrefix(#"a release plan has no field "max_errors""#) == true)
    }

    @Test func takesLimits() throws {
        let given = try plan(
            """
            {"on_breach": "pause", "error_margin": "2%", "latency_margin": 1.5, "max_error_share": "5%", "max_p99": "250ms"}
            """)
        #expect(given.onBreach == .pause && given.errorMargin == 0.02 && given.latencyMargin == 1.5)
        #expect(given.maxErrorShare == 0.05 && given.maxP99 == 0.25)
    }

    @Test(arguments: [
        (#"{"on_breach": "ignore"}"#, "on_breach"), (#"{"error_margin": "51%"}"#, "error_margin"),
        (#"{"error_margin": 1}"#, "error_margin"), (#"{"latency_margin": 0.9}"#, "latency_margin"),
        (#"{"max_error_share": "100%"}"#, "max_error_share"), (#"{"max_p99": "0s"}"#, "max_p99"),
    ]) func refusesLimitsThatAreNone(json: String, name: String) throws {
        #expect(try #require(flaw(json)).contains(name))
    }

    @Test(arguments: [
        ("", "not JSON"), ("[]", "is no object"), (#"{"steps": {}}"#, "steps is no list"),
        (#"{"steps": [5]}"#, "steps[0] is no object"), (#"{"min_calls": 1.5}"#, "min_calls"),
        (#"{"to": 5}"#, "to is no string"),
    ]) func saysWhatIsNoPlan(json: String, words: String) throws {
        #expect(try #require(flaw(json)).contains(words), "\(flaw(json) ?? "")")
    }

    @Test func takesShadowSteps() throws {
        let given = try plan(
            """
            {"steps": [{"shadow": "10%", "for": "30s"}, {"shadow": "1%", "for": "30s"}, {"canary": "5%", "for": "60s"}],
             "min_agreement": "99%", "tolerance": {"relative": 0.01}, "ignore": ["model_version"], "noise": "50%"}
            """)
        #expect(
            given.steps.map(\.kind)
                == [.shadow(Share(parts: 1_000)), .shadow(Share(parts: 100)), .canary(Share(parts: 500))])
        #expect(given.steps.map(\.share) == [.none, .none, Share(parts: 500)])
        #expect(given.steps.map(\.copied) == [Share(parts: 1_000), Share(parts: 100), .none])
        #expect(given.minAgreement == 0.99)
        let comparison = try #require(given.comparison)
        #expect(comparison.absolute == 1e-6 && comparison.relative == 0.01)
        #expect(comparison.ignored == ["model_version"] && comparison.noiseShare == Share(parts: 5_000))
        #expect(try plan("{}").comparison == nil && plan("{}").minAgreement == nil)
    }

    @Test(arguments: [
        (#"{"steps": [{"shadow": "5%", "canary": "5%", "for": "1s"}]}"#, "steps[0] has canary and shadow"),
        (#"{"steps": [{"for": "1s"}]}"#, "steps[0] has no canary"),
        (#"{"steps": [{"shadow": "0%", "for": "1s"}]}"#, "steps[0].shadow is \"0%\""),
        (
            #"{"steps": [{"canary": "5%", "for": "1s"}, {"shadow": "5%", "for": "1s"}]}"#,
            "steps[1] is a shadow step after a canary step"
        ),
        (#"{"min_agreement": "100%"}"#, "min_agreement is \"100%\""),
        (#"{"tolerance": {"absolute": -1}}"#, "tolerance.absolute is -1"),
        (#"{"tolerance": {"relative": 1}}"#, "tolerance.relative is 1"),
        (#"{"ignore": ["ok", "a..b"]}"#, "ignore[1] is \"a..b\""), (#"{"noise": "many"}"#, "noise is \"many\""),
    ]) func refusesComparisonsThatAreNone(json: String, words: String) throws {
        #expect(try #require(flaw(json)).contains(words), "\(flaw(json) ?? "")")
    }

    @Test func takesAGuard() throws {
        #expect(try plan("{}").guardTime == nil && plan("{}").judgesExhausted == nil)
        let plan = try plan(#"{"guard": "5m", "judge_resource_exhausted": true}"#)
        #expect(plan.guardTime == .seconds(300) && plan.judgesExhausted == true && plan.steps.isEmpty)
        for text in ["soon", "0s", "9999h"] {
            #expect(flaw(#"{"guard": "\#(text)"}"#)?.contains("guard is") == true)
        }
    }

    @Test func aShareNeverShrinks() {
        let json = #"{"steps": [{"canary": "5%", "for": "1s"}, {"canary": "4.99%", "for": "1s"}]}"#
        #expect(flaw(json) == #"steps[1].canary is "4.99%"; allowed: 5%, as before, or more"#)
    }

    @Test func hasNoMoreStepsThanAreKept() {
        let step = #"{"canary": "5%", "for": "1s"}"#
        let most = ReleasePlan.mostSteps
        func json(_ count: Int) -> String {
            #"{"steps": ["# + [String](repeating: step, count: count).joined(separator: ",") + "]}"
        }
        #expect(flaw(json(most)) == nil && flaw(json(most + 1))?.hasPrefix("there are \(most + 1) steps") == true)
    }
}

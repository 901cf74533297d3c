#pragma once

#include <powerconsul/doctor/findings.hpp>

/// Judges the settings that an agent runs with (`agent`) and those in its files (`files`). Only a restart brings the
/// one to the other, but for discard_check_output, which a reload brings: an agent goes on showing the settings of its
/// start.
namespace powerconsul::inline v0 {

[[nodiscard]] inline auto judge_script_checks(const result<agent_config>& agent, const result<agent_files>& files)
    -> finding {
    const std::string point = "script checks";
    if (!agent) return {point, condition::unknown, "the agent does not show its configuration", {}};
    const bool set =
        files && (files->settings.local_scripts.value_or(false) || files->settings.remote_scripts.value_or(false));
    const bool lost = files && !set && !files->checks.empty();
    const bool local = agent->settings.local_scripts.value_or(false);
    const bool remote = agent->settings.remote_scripts.value_or(false);
    if ((local || remote) && lost) {
        return {
            point, condition::error,
            "the agent runs them, but its files have script checks and no longer set enable_local_script_checks: it "
            "will not start again",
            "set enable_local_script_checks = true in its configuration before it is restarted"};
    }
    if (remote) {
        return {point, condition::warning, "enable_script_checks lets whoever may register a check run commands here",
                "set enable_local_script_checks = true in its place, and restart the agent"};
    }
    if (local) return {point, condition::ok, "those of the agent's own files are run", {}};
    if (!agent->settings.local_scripts) {
        return {point, condition::unknown, "the agent does not say whether it runs script checks",
                "look for enable_local_script_checks in its configuration"};
    }
    if (set) {
        return {point, condition::error, "its files enable script checks, but the agent was started before they did",
                "restart the agent: a reload does not enable them"};
    }
    return {point, condition::error, "this agent does not run script checks",
            "set enable_local_script_checks = true in its configuration and restart the agent: a reload is not enough"};
}

/// Judges whether peers see what the checks print: only that tells them that a state is unknown rather than bad.
[[nodiscard]] inline auto judge_check_output(const result<agent_config>& agent, const result<agent_files>& files)
    -> finding {
    const std::string point = "check output";
    std::optional<bool> discards = agent ? agent->settings.discards_output : std::nullopt;
    if (files) discards = files->settings.discards_output.value_or(false);
    const auto kept_by = [](const auto& from) {
        const std::uint64_t size = from ? from->settings.output_size.value_or(0) : 0;
        return size == 0 ? most_output : size;  // 0 is Consul's default
    };
    const std::uint64_t size = std::min(kept_by(agent), kept_by(files));
    if (!discards) return {point, condition::unknown, "the agent does not say whether it keeps what checks print", {}};
    if (*discards) {
        return {
            point, condition::error,
            "discard_check_output is set: to its peers, a service of this node whose state is unknown is as good as "
            "dead",
            "remove discard_check_output, and consul reload"};
    }
    if (size < most_output) {
        return {point, condition::warning,
                "check_output_max_size is " + std::to_string(size) +
                    ": of a longer output, peers may not see that the state is unknown",
                "remove check_output_max_size, and restart the agent"};
    }
    return {point, condition::ok, "Consul keeps what the checks print", {}};
}

/// A service of this active that a standby would take over.
struct awaited_service {
    std::string name{};
    milliseconds absent_after{};  ///< how long it must not be registered
};

/// Judges what peers see while the agent is restarted.
[[nodiscard]] inline auto judge_leaving(const result<agent_config>& agent, const std::vector<awaited_service>& awaited)
    -> finding {
    const std::string point = "agent's restart";
    const agent_settings said = agent ? agent->settings : agent_settings{};
    if (!said.leaves_on_terminate || !said.stays_on_interrupt) {
        return {
            point, condition::unknown, "the agent does not say whether it leaves the cluster when it is stopped", {}};
    }
    if (!*said.leaves_on_terminate && *said.stays_on_interrupt) {
        return {point, condition::ok, "the node stays in Consul's catalog while its agent is restarted", {}};
    }
    const std::string text =
        std::string{"the agent leaves the cluster when it gets "} +
        (*said.leaves_on_terminate ? *said.stays_on_interrupt ? "SIGTERM" : "SIGTERM or SIGINT" : "SIGINT") +
        ": while it is restarted, Consul does not list this node";
    std::vector<std::string> at_once;
    std::vector<std::string> later;
    for (const auto& each : awaited) {
        if (each.absent_after.count == 0) at_once.push_back(each.name);
        later.push_back(each.name + " after " + to_string(each.absent_after));
    }
    if (awaited.empty()) return {point, condition::ok, text, {}};
    if (at_once.empty()) return {point, condition::ok, text + ", which counts for standbys of " + listed(later), {}};
    return {point, condition::error, text + ", so that a standby takes over " + listed(at_once),
            "set absentAfter to 60s on all nodes, or leave_on_terminate = false and skip_leave_on_interrupt = true and "
            "restart the agent"};
}

}  // namespace powerconsul::inline v0

#pragma once

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/config/settings_json.hpp>
#include <powerconsul/consul/address.hpp>
#include <powerconsul/heal/substitution.hpp>
#include <powerconsul/lint/report.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

namespace powerconsul::inline v0::json {

namespace detail {

/// Finds what is valid in a configuration but refused where it is used, or probably a mistake.
inline void examine_settings(lint_report& report, std::string_view name, std::string_view text,
                             const settings_reading& read) {
    const settings& said = read.said;
    const auto warn = [&](std::size_t offset, std::string what) {
        report.add(name, text, offset, severity::warning, std::move(what));
    };
    const auto expect = [&](std::string_view key, auto parse) {
        const auto found = said.values.find(key);
        if (found == said.values.end()) return;
        const auto valid = parse(found->second);
        if (valid) return;
        report.add(name, text, read.at(key).offset, severity::error, std::string{key} + ": " + valid.error().message);
    };
    const auto is_base = [](const std::string& key) { return document_key(key, "service"); };
    expect("clusterKey", is_base);
    expect("triggerKey", is_base);
    expect("environment", [](const std::string& word) { return validate_segment("the environment", word); });
    expect("consul.httpAddr", parse_address);
    expect("timeout", parse_timeout);
    expect("format", parse_format);
    expect("serviceManager", parse_service_manager);
    expect("log", parse_log_target);
    for (const std::string_view key : {"stateDir", "store", "stopFile", "initDirectory", "consul.tokenFile"}) {
        const auto found = said.values.find(key);
        if (found == said.values.end() || found->second.starts_with('/')) continue;
        warn(read.at(key).offset,
             std::string{key} + " is relative: it depends on where Consul was started; give the whole path");
    }
    if (said.parsed("trigger.maxBackoff", seconds(INT32_MAX), parse_duration) <
        said.parsed("trigger.backoff", milliseconds{}, parse_duration)) {
        warn(read.at("trigger.maxBackoff").offset, "trigger.maxBackoff is less than trigger.backoff");
    }
    for (std::size_t i = 0; i < said.substitutions.size(); ++i) {
        const value& given = read.at("subVars");
        const auto& [word, value] = said.substitutions[i];
        const std::string where = "subVars." + one_line(given.names[i], 80) + ": ";
        if (word == "ENV" || word == "HOST" || word == "ROLE") {
            warn(given.items[i].name_offset,
                 where + "@" + word + " is always this node's own; this value is never used");
        } else if (auto sound = powerconsul::detail::fits({word, value}, substitution_style::shell); !sound) {
            warn(given.items[i].offset, where + sound.error().message);
        }
    }
    for (std::size_t i = 0; i < said.noop_triggers.size(); ++i) {
        const value& given = read.at("noopTriggers");
        const auto valid = validate_segment("the Consul service name", said.noop_triggers[i]);
        if (!valid) warn((given.is(kind::string) ? given : given.items[i]).offset, valid.error().message);
    }
    if (const value* const unused = read.root->find("consulConfig"); unused != nullptr) {
        report.add(name, text, unused->name_offset, severity::note,
                   "consulConfig is accepted and does nothing: the agent itself is asked");
    }
}

}  // namespace detail

/// Examines a configuration. Adds to `report` an error for everything that decode_settings() refuses or that would stop
/// a command, and a warning for what is probably a mistake. Returns what was read.
inline auto lint_settings(lint_report& report, std::string_view name, std::string_view text) -> settings_reading {
    report.looked_at(text_kind::configuration);
    auto read = read_settings(text);
    add_problems(report, name, text, read.problems);
    if (read.problems.empty()) detail::examine_settings(report, name, text, read);
    return read;
}

/// Whether a configuration may have a key of that name.
[[nodiscard]] inline auto is_settings_key(std::string_view name) -> bool {
    return algo::count(settings_keys(), name) != 0;
}

}  // namespace powerconsul::inline v0::json

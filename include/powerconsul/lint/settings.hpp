#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/config/settings.hpp>
#include <powerconsul/config/settings_json.hpp>
#include <powerconsul/consul/address.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/substitution.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/lint/report.hpp>

namespace powerconsul::inline v0::json {

namespace detail {

/// Finds what is valid in a configuration but refused where it is used, or probably a mistake.
class configuration_warnings {
public:
    configuration_warnings(lint_report& report, std::string_view name, std::string_view text, const value& root,
                           const settings& said)
        : report_{report}, name_{name}, text_{text}, root_{root}, said_{said} {}

    void look() {
        for (const std::string_view key : {"stateDir", "store", "stopFile"}) relative(root_.find(key), key);
        if (const value* const consul = root_.find("consul"); consul != nullptr) {
            relative(consul->find("tokenFile"), "consul.tokenFile");
            if (const value* const at = consul->find("httpAddr"); at != nullptr) {
                if (auto valid = parse_address(at->text); !valid) error(*at, "consul.httpAddr", valid.error().message);
            }
        }
        base("clusterKey");
        base("triggerKey");
        if (said_.environment) {
            if (auto valid = validate_segment("the environment", *said_.environment); !valid) {
                error(*root_.find("environment"), "environment", valid.error().message);
            }
        }
        if (said_.timeout && *said_.timeout < milliseconds{100}) {
            error(*root_.find("timeout"), "timeout", "expected at least 100ms");
        }
        if (said_.format && *said_.format != "json" && *said_.format != "text") {
            error(*root_.find("format"), "format", quoted(*said_.format) + R"( is neither "json" nor "text")");
        }
        const trigger_settings& triggers = said_.triggers;
        if (triggers.backoff && triggers.max_backoff && *triggers.max_backoff < *triggers.backoff) {
            warn(root_.find("trigger")->find("maxBackoff")->offset, "trigger.maxBackoff is less than trigger.backoff");
        }
        names();
        if (const value* const unused = root_.find("consulConfig"); unused != nullptr) {
            report_.add(name_, text_, unused->name_offset, severity::note,
                        "consulConfig is accepted and does nothing: the agent itself is asked");
        }
    }

private:
    void warn(std::size_t offset, std::string what) {
        report_.add(name_, text_, offset, severity::warning, std::move(what));
    }
    void error(const value& at, std::string_view key, const std::string& what) {
        report_.add(name_, text_, at.offset, severity::error, std::string{key} + ": " + what);
    }

    void relative(const value* at, std::string_view key) {
        if (at == nullptr || !at->is(kind::string) || at->text.starts_with('/')) return;
        warn(at->offset,
             std::string{key} + " is relative: it depends on where Consul was started; give the whole path");
    }

    void base(std::string_view key) {
        const value* const at = root_.find(key);
        if (at == nullptr) return;
        if (auto made = document_key(at->text, "service"); !made) error(*at, key, made.error().message);
    }

    void names() {
        if (const value* const given = root_.find("subVars"); given != nullptr) {
            for (std::size_t i = 0; i < said_.substitutions.size() && i < given->items.size(); ++i) {
                const auto& [name, text] = said_.substitutions[i];
                const std::string where = "subVars." + one_line(given->names[i], 80) + ": ";
                if (name == "ENV" || name == "HOST" || name == "ROLE") {
                    warn(given->items[i].name_offset,
                         where + "@" + name + " is always this node's own; " + "this value is never used");
                } else if (auto sound = powerconsul::detail::fits({name, text}, substitution_style::shell); !sound) {
                    warn(given->items[i].offset, where + sound.error().message);
                }
            }
        }
        const value* const quiet = root_.find("noopTriggers");
        for (std::size_t i = 0; i < said_.noop_triggers.size(); ++i) {
            auto valid = validate_segment("the Consul service name", said_.noop_triggers[i]);
            if (!valid) warn((quiet->is(kind::string) ? *quiet : quiet->items[i]).offset, valid.error().message);
        }
    }

    lint_report& report_;
    std::string_view name_;
    std::string_view text_;
    const value& root_;
    const settings& said_;
};

}  // namespace detail

/// Examines a configuration. Adds to `report` an error for everything that decode_settings() refuses or that would stop
/// a command, and a warning for what is probably a mistake. Returns what was read.
inline auto lint_settings(lint_report& report, std::string_view name, std::string_view text) -> settings_reading {
    report.looked_at(text_kind::configuration);
    auto read = read_settings(text);
    add_problems(report, name, text, read.problems);
    if (read.problems.empty()) detail::configuration_warnings{report, name, text, *read.root, read.said}.look();
    return read;
}

/// Whether a configuration may have a key of that name.
[[nodiscard]] inline auto is_settings_key(std::string_view name) -> bool {
    return std::ranges::count(settings_keys(), name) != 0;
}

/// Whether a name is such a key or a likely misspelling of one.
[[nodiscard]] inline auto is_nearly_settings_key(std::string_view name) -> bool {
    return is_settings_key(name) || !nearest(name, settings_keys()).empty();
}

}  // namespace powerconsul::inline v0::json

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/config/settings.hpp>
#include <powerconsul/config/settings_json.hpp>
#include <powerconsul/consul/address.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/substitution.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/lint/report.hpp>

namespace powerconsul::inline v0::json {

/// A configuration as it was looked through.
struct configuration_reading {
    std::optional<value> root{};
    std::optional<settings> said{};  ///< nothing if it would be refused
};

namespace detail {

/// An error that a decoder wrote, taken apart again. Its place is what place() writes for that byte of the text, so
/// that nothing in a name can be taken for one.
[[nodiscard]] inline auto problem_of(std::string_view message, std::string_view text) -> problem {
    constexpr std::string_view before = " at line ";
    for (auto at = message.find(before); at != std::string_view::npos; at = message.find(before, at + 1)) {
        const auto byte = message.find("(byte ", at);
        if (byte == std::string_view::npos) break;
        const leading_digits read = read_digits(message.substr(byte + 6));
        if (read.count == 0 || !read.fits || read.number > text.size()) continue;
        const std::size_t offset = read.number;
        const std::string whole = " at " + place(text, offset) + ": ";
        if (!message.substr(at).starts_with(whole)) continue;
        return {std::string{message.substr(0, at)}, offset, std::string{message.substr(at + whole.size())}, offset};
    }
    return {{}, {}, std::string{message}, 0};
}

/// Looks through a configuration. Its decoder stops at the first error; each member alone, all others blanked out in
/// place, is shown to it again.
class configuration_looker {
public:
    configuration_looker(lint_report& report, std::string_view name, std::string_view text)
        : report_{report}, name_{name}, text_{text} {}

    [[nodiscard]] auto look() -> configuration_reading {
        configuration_reading read;
        problem wrong;
        read.root = parse(text_, wrong);
        decode(text_);
        if (!read.root) return read;
        if (failed_ && read.root->is(kind::object) && read.root->items.size() <= most_members) {
            for (std::size_t i = 0; i < read.root->items.size(); ++i) one_by_one(*read.root, i);
        }
        if (!failed_) read.said = decode_settings(text_).value_or(settings{});
        return read;
    }

private:
    static constexpr std::size_t most_members = 200;

    /// Whether the decoder takes it. If not, what it says of it becomes an error.
    auto decode(std::string_view part) -> bool {
        const auto decoded = decode_settings(part);
        if (decoded) return true;
        failed_ = true;
        const auto wrong = problem_of(decoded.error().message, text_);
        report_.add(name_, text_, wrong.spot, severity::error,
                    (wrong.where.empty() ? "" : one_line(wrong.where, 120) + ": ") + wrong.what);
        return false;
    }

    void one_by_one(const value& root, std::size_t i) {
        const value& member = root.items[i];
        if (!decode(only(std::string{text_}, root, {i})) && member.is(kind::object)) {
            for (std::size_t k = 0; k < member.items.size() && k < most_members; ++k) {
                decode(only(only(std::string{text_}, root, {i}), member, {k}));
            }
        }
        for (std::size_t k = 0; k < i; ++k) {
            if (root.names[k] != root.names[i]) continue;
            decode(only(std::string{text_}, root, {k, i}));
            break;
        }
    }

    /// The text with blanks in place of all members of an object but these; line breaks stay.
    [[nodiscard]] static auto only(std::string text, const value& object, const std::vector<std::size_t>& kept)
        -> std::string {
        const std::string whole = text;
        for (std::size_t i = object.offset + 1; i + 1 < object.past; ++i) {
            if (text[i] != '\n') text[i] = ' ';
        }
        for (std::size_t i = 0; i < kept.size(); ++i) {
            const value& member = object.items[kept[i]];
            const std::size_t first = member.name_offset;
            text.replace(first, member.past - first, whole, first, member.past - first);
            if (i + 1 < kept.size()) text[member.past] = ',';
        }
        return text;
    }

    lint_report& report_;
    std::string_view name_;
    std::string_view text_;
    bool failed_{};
};

/// What a decoded configuration will be refused for where it is used, and what will be regretted.
class configuration_regrets {
public:
    configuration_regrets(lint_report& report, std::string_view name, std::string_view text, const value& root,
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

/// Looks through a configuration: an error for everything that decode_settings() refuses or that a command would stop
/// for, a warning for what will be regretted.
inline auto lint_settings(lint_report& report, std::string_view name, std::string_view text) -> configuration_reading {
    report.looked_at(text_kind::configuration);
    auto read = detail::configuration_looker{report, name, text}.look();
    if (read.said) detail::configuration_regrets{report, name, text, *read.root, *read.said}.look();
    return read;
}

namespace detail {

/// What the decoder says of a key; empty if it knows it.
[[nodiscard]] inline auto said_of_key(std::string_view name) -> std::string {
    constexpr std::string_view unknown = "this key is not known";
    if (name.find_first_of("\"\\") != std::string_view::npos || !is_utf8(name)) return std::string{unknown};
    const auto decoded = decode_settings("{\"" + std::string{name} + "\":null}");
    if (decoded) return {};
    const auto at = decoded.error().message.find(unknown);
    return at == std::string::npos ? std::string{} : decoded.error().message.substr(at);
}

}  // namespace detail

/// Whether a configuration may have a key of that name, as its decoder tells.
[[nodiscard]] inline auto is_settings_key(std::string_view name) -> bool {
    return detail::said_of_key(name).empty();
}

/// Whether that is a key, or one that is misspelt.
[[nodiscard]] inline auto is_nearly_settings_key(std::string_view name) -> bool {
    const auto said = detail::said_of_key(name);
    return said.empty() || said.find("did you mean") != std::string::npos;
}

}  // namespace powerconsul::inline v0::json

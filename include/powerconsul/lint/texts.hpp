#pragma once

#include <powerconsul/config/settings.hpp>
#include <powerconsul/consul/answers_json.hpp>
#include <powerconsul/core/pattern.hpp>
#include <powerconsul/heal/action.hpp>
#include <powerconsul/lint/linter.hpp>
#include <powerconsul/lint/settings.hpp>
#include <powerconsul/ports/log.hpp>
#include <powerconsul/ports/trust.hpp>

namespace powerconsul::inline v0 {

// --- guessing the kind ---

/// What a text seems to be. Unless `certain`, it may be something else.
struct text_guess {
    text_kind kind{text_kind::document};
    bool certain{};
};

/// `document`, `trigger` or `configuration`. Fails with errc::usage.
[[nodiscard]] inline auto parse_text_kind(std::string_view text) -> result<text_kind> {
    constexpr std::array<std::string_view, 3> names{"document", "trigger", "configuration"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == text) return static_cast<text_kind>(i);
    }
    return fail(errc::usage, quoted(text) + R"( is none of "document", "trigger" and "configuration")");
}

namespace detail {

[[nodiscard]] inline auto is_document_key(std::string_view name) -> bool {
    return name == "filter" || name == "mode" || name.starts_with("active_") || name.starts_with("standby_");
}

[[nodiscard]] inline auto guessed_from(std::vector<std::string> names) -> text_guess {
    if (names.size() > 200) names.resize(200);
    std::array<std::size_t, 3> count{};
    for (const auto& each : names) {
        if (is_document_key(each)) ++count[0];
        if (each == "command" || each == "script") ++count[1];
        // A trigger may have a `timeout` too.
        if (each != "timeout" && json::is_settings_key(each)) ++count[2];
    }
    const bool misspelt = count == std::array<std::size_t, 3>{};
    for (const auto& each : misspelt ? names : std::vector<std::string>{}) {
        constexpr std::array<std::string_view, 4> of_documents{"active_nodes", "standby_nodes", "active_datacenters",
                                                               "standby_datacenters"};
        constexpr std::array<std::string_view, 2> of_triggers{"command", "script"};
        if (!nearest(each, of_documents).empty()) ++count[0];
        if (!nearest(each, of_triggers).empty()) ++count[1];
        if (!nearest(each, json::settings_keys()).empty()) ++count[2];
    }
    const auto most = std::ranges::max_element(count);
    const auto kinds = algo::count_if(count, [](auto each) { return each != 0; });
    return {static_cast<text_kind>(most - count.begin()), kinds == 1 && !misspelt};
}

/// The words in double quotes of a text that is not valid JSON, at most 1000.
[[nodiscard]] inline auto quoted_words(std::string_view text) -> std::vector<std::string> {
    std::vector<std::string> words;
    while (words.size() < 1000) {
        const auto first = text.find('"');
        if (first == std::string_view::npos) break;
        const auto last = text.find('"', first + 1);
        if (last == std::string_view::npos) break;
        words.emplace_back(text.substr(first + 1, last - first - 1));
        text.remove_prefix(last + 1);
    }
    return words;
}

}  // namespace detail

/// Guesses what a text is. `name` is its file's name, `root` its value as JSON, nothing if it is not valid JSON.
[[nodiscard]] inline auto guess_kind(std::string_view name, std::string_view text,
                                     const std::optional<json::value>& root) -> text_guess {
    if (text.starts_with("#!")) return {text_kind::trigger, true};
    if (root && root->is(json::kind::object)) return detail::guessed_from(root->names);
    const auto first = text.find_first_not_of(" \t\r\n");
    const bool like_json = first != std::string_view::npos &&
                           (text[first] == '{' || text[first] == '[' || text.starts_with("\xEF\xBB\xBF"));
    if (name.ends_with(".json") || (like_json && !(text[first] == '{' && !looks_like_object(text)))) {
        return detail::guessed_from(detail::quoted_words(text));
    }
    return {text_kind::trigger, name.ends_with(".sh")};
}

// --- examining a text ---

namespace detail {

inline constexpr std::size_t most_in_a_value = std::size_t{512} * 1024;      ///< bytes; Consul's own limit
inline constexpr std::size_t most_configuration = std::size_t{1024} * 1024;  ///< bytes; configure() reads no more

/// Examines a configuration, and compares it with this machine: the mode of its token file, and whether its service
/// filter matches the node.
template <named_file_source Files>
void look_at_configuration(linter<Files>& to, const std::string& name, std::string_view text) {
    auto& report = to.report();
    const auto read = json::lint_settings(report, name, text);
    if (!read.problems.empty()) return;
    const settings& said = read.said;
    if (const auto path = said.text("consul.tokenFile"); path.starts_with('/')) {
        const auto token = to.files().read_named(path, most_in_a_value);
        if (token && *token && ((*token)->status.mode & 07U) != 0) {
            report.add(name, text, read.at("consul.tokenFile").offset, severity::warning,
                       "consul.tokenFile: " + path + " has the mode " + octal_mode((*token)->status.mode) +
                           ", so that others can read the token; chmod 0600 it");
        }
    }
    const auto& own = to.around().own_files;
    if (const auto filter = said.text("serviceFilter"); !filter.empty() && is_one_of(name, own)) {
        const auto matched = matches_at_start(filter, to.around().node);
        if (!matched) {
            report.add(name, text, read.at("serviceFilter").offset, severity::warning,
                       "serviceFilter: " + matched.error().message);
        } else if (!*matched) {
            report.add(name, text, read.at("serviceFilter").offset, severity::note,
                       "serviceFilter does not match this node, " + to.around().node);
        }
    }
}

/// Examines what `consul kv export` writes, where the keys tell what their values are.
template <named_file_source Files>
void look_at_export(linter<Files>& to, const std::string& name, std::string_view text, const json::value& root) {
    auto& report = to.report();
    std::vector<json::problem> problems;
    const auto keys = json::decode_kv_export(root, problems);
    json::add_problems(report, name, text, problems);
    std::size_t ours = 0;
    for (const auto& each : keys) {
        const auto key = classify_key(to.around().bases, each.key, each.value.empty());
        to.value_at(key, each.key, each.value);
        if (key.kind == key_kind::document) to.exported.insert(key.environment);
        if (key.kind != key_kind::other && key.kind != key_kind::ignored) ++ours;
    }
    if (ours != 0 || !problems.empty()) return;
    report.add(name, severity::error,
               "no key of this export is powerconsul's: documents are looked for below " + to.around().bases.cluster +
                   ", triggers at " + to.around().bases.trigger_places() +
                   " (clusterKey and triggerKey, --environment)");
}

}  // namespace detail

/// Examines a text as the kind `as` or, if none is given, as what it seems to be, which may also be the output of
/// `consul kv export`. `name` is what findings call the text.
template <named_file_source Files>
void lint_text(linter<Files>& to, const std::string& name, std::string_view text, std::optional<text_kind> as) {
    auto& report = to.report();
    if (text.empty() && !as) return report.add(name, severity::error, "is empty");
    json::problem wrong;
    const auto root = json::parse(text, wrong);
    if (!as && root && json::is_kv_export(*root)) return detail::look_at_export(to, name, text, *root);
    const text_guess taken = as ? text_guess{*as, true} : guess_kind(name, text, root);
    const std::size_t most =
        taken.kind == text_kind::configuration ? detail::most_configuration : detail::most_in_a_value;
    if (text.size() > most) {
        return report.add(name, severity::error,
                          "a " + std::string{to_string(taken.kind)} + " of " + std::to_string(text.size()) +
                              " bytes; at most " + std::to_string(most) + " are taken");
    }
    const auto before = report.findings().size();
    if (taken.kind == text_kind::document) static_cast<void>(json::lint_cluster(report, name, text));
    if (taken.kind == text_kind::trigger) to.trigger(name, text);
    if (taken.kind == text_kind::configuration) detail::look_at_configuration(to, name, text);
    if (taken.certain || report.findings().size() == before) return;
    report.add(name, severity::note,
               "it was taken for a " + std::string{to_string(taken.kind)} +
                   "; if it is something else, say --as document, trigger or configuration");
}

}  // namespace powerconsul::inline v0

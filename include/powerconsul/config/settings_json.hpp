#pragma once

#include <set>

#include <powerconsul/config/settings.hpp>
#include <powerconsul/core/pattern.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/ports/log.hpp>

namespace powerconsul::inline v0::json {

/// A configuration file as it was read. `said` may be used only if there are no problems but unknown keys.
struct settings_reading {
    std::optional<value> root{};              ///< not set if the text is not JSON
    std::vector<problem> problems{};          ///< all that could be found; decode_settings() fails with the first
    std::vector<std::size_t> unknown_keys{};  ///< the places in `problems` of those that are only about an unknown key
    settings said{};

    /// The value at the path of a key that is there, as `consul.httpAddr`.
    [[nodiscard]] auto at(std::string_view path) const -> const value& {
        const value* found = &*root;
        while (!path.empty()) found = found->find(next_part(path, '.'));
        return *found;
    }
};

namespace detail {

/// Decodes a configuration file. An unknown key is a problem, since a misspelt one would silently not be obeyed.
class settings_decoder {
public:
    explicit settings_decoder(settings_reading& into) : into_{into} {}

    void decode() { each_member(*into_.root, {}, top_level); }

    /// The keys that may stand at the top of a configuration.
    [[nodiscard]] static auto known_keys() -> std::vector<std::string_view> { return names_of(top_level); }

private:
    using reader = void (settings_decoder::*)(const value&, const std::string&);
    struct key {
        std::string_view name;
        reader read;
    };

    [[nodiscard]] static auto names_of(const auto& known) -> std::vector<std::string_view> {
        std::vector<std::string_view> names;
        for (const key& one : known) names.push_back(one.name);
        return names;
    }

    /// Unknown keys are counted by themselves: whoever ignores them needs all that stands behind them.
    [[nodiscard]] auto full() const -> bool {
        return into_.problems.size() - into_.unknown_keys.size() == most_problems;
    }

    // --- values ---

    [[nodiscard]] static auto found(const value& at) -> std::string {
        return at.is(kind::string) && at.text.empty() ? "an empty one" : std::string{described(at.type)};
    }

    template <auto Parse>
    void keep(const value& at, const std::string& where) {
        if (auto valid = Parse(at.text); !valid) return wrong(at, where, valid.error().message);
        into_.said.values.insert_or_assign(where, at.text);
    }

    [[nodiscard]] static auto any(std::string_view) -> result<void> { return {}; }
    [[nodiscard]] static auto expression(std::string_view text) -> result<bool> { return matches_at_start(text, ""); }

    template <auto Parse = any>
    void text(const value& at, const std::string& where) {
        if (!at.is(kind::string) || at.text.empty()) return wrong(at, where, "expected a text, found " + found(at));
        if (algo::any_of(at.text, ascii::is_control)) {
            return wrong(at, where, quoted(at.text) + " has a control character; remove it");
        }
        keep<Parse>(at, where);
    }
    template <auto Parse>
    void parsed(const value& at, const std::string& where) {
        if (!at.is(kind::string) && !at.is(kind::number)) {
            return wrong(at, where, "expected a text or a number, found " + found(at));
        }
        keep<Parse>(at, where);
    }
    void flag(const value& at, const std::string& where) {
        if (at.is(kind::boolean)) {
            into_.said.values.insert_or_assign(where, at.boolean ? "true" : "false");
        } else if (at.is(kind::string) || at.is(kind::number)) {
            keep<parse_boolean>(at, where);
        } else {
            wrong(at, where, "expected true or false, found " + found(at));
        }
    }

    // --- objects and lists ---

    void each_member(const value& object, const std::string& prefix, const auto& known) {
        if (!object.is(kind::object)) {
            return wrong(object, prefix.empty() ? "the file" : prefix,
                         "expected an object, found " + std::string{described(object.type)});
        }
        const auto repeated = repeated_members(object);
        for (std::size_t i = 0; i < object.names.size() && !full(); ++i) {
            const std::string& name = object.names[i];
            const value& member = object.items[i];
            const std::string where = prefix.empty() ? name : prefix + '.' + name;
            const auto matching = algo::find(known, name, &key::name);
            if (matching == std::end(known)) {
                unknown(member, name, where, names_of(known));
                continue;
            }
            if (algo::binary_search(repeated, i)) wrong(member, where, "the key comes twice; keep one");
            (this->*matching->read)(member, where);
        }
    }

    /// Substitution names may be written with or without `@`; values may be texts or numbers.
    void substitutions(const value& at, const std::string& where) {
        if (!at.is(kind::object)) {
            return wrong(at, where, "expected an object, found " + std::string{described(at.type)});
        }
        std::set<std::string_view> seen;
        for (std::size_t i = 0; i < at.items.size() && !full(); ++i) {
            const value& each = at.items[i];
            std::string_view name = at.names[i];
            if (!name.empty() && name.front() == '@') name.remove_prefix(1);
            const auto spoils = [](char c) { return ascii::is_control(c) || c == ' ' || c == '{' || c == '}'; };
            if (name.empty()) {
                wrong(each, where, R"(a name is empty; name it as in "HOST")");
            } else if (algo::any_of(name, spoils)) {
                wrong(each, where,
                      "the name " + quoted(name) + " has a blank, a control character or a brace; name it as in " +
                          R"("HOST", and use it as @HOST or @{HOST})");
            } else if (!each.is(kind::string) && !each.is(kind::number)) {
                wrong(each, where + '.' + at.names[i], "expected a text, found " + std::string{described(each.type)});
            } else if (!seen.insert(name).second) {
                wrong(each, where + '.' + at.names[i], "the name comes twice; keep one");
            } else {
                into_.said.substitutions.emplace_back(name, each.text);
            }
        }
    }

    void noop_triggers(const value& at, const std::string& where) {
        const bool single = at.is(kind::string);
        if (!single && !at.is(kind::array)) {
            return wrong(at, where, "expected a list of service names, found " + found(at));
        }
        for (std::size_t i = 0; i < (single ? 1 : at.items.size()) && !full(); ++i) {
            const value& each = single ? at : at.items[i];
            if (!each.is(kind::string) || each.text.empty()) {
                wrong(each, single ? where : where + '[' + std::to_string(i) + ']',
                      "expected the name of a service, found " + found(each));
            } else {
                into_.said.noop_triggers.push_back(each.text);
            }
        }
    }

    void consul(const value& at, const std::string& where) { each_member(at, where, consul_level); }
    void trigger(const value& at, const std::string& where) { each_member(at, where, trigger_level); }

    /// The original reads the agent's own configuration for its datacenter; here the agent itself is asked.
    void not_needed(const value&, const std::string&) {}

    /// The original takes null and an empty text for no filter.
    void filter(const value& at, const std::string& where) {
        if (!at.is(kind::null) && !(at.is(kind::string) && at.text.empty())) text<expression>(at, where);
    }

    /// Whether a key is surely meant to be one that a node's role depends on: where that is ignored, a standby may take
    /// itself for a standalone.
    [[nodiscard]] static auto is_misspelt(std::string_view name) -> bool {
        constexpr std::string_view decisive[] = {"clusterKey", "environment", "serverRole",
                                                 "node",       "datacenter",  "serviceFilter"};
        std::string letters;
        for (const char c : ascii::lower(name)) {
            if (c != '_' && c != '-' && c != ' ') letters += c;
        }
        return algo::any_of(decisive, [&](std::string_view each) {
            const auto key = ascii::lower(each);
            return letters == key || (key.size() > 5 && edit_distance(letters, key) == 1);
        });
    }

    void unknown(const value& at, std::string_view name, const std::string& where,
                 const std::vector<std::string_view>& known) {
        if (into_.unknown_keys.size() == most_problems) return;
        const auto meant = nearest(name, known);
        if (!is_misspelt(name)) into_.unknown_keys.push_back(into_.problems.size());
        into_.problems.push_back(
            {one_line(where, 200), at.offset,
             "this key is not known; " + (meant.empty() ? "there are " + listed({known.begin(), known.end()})
                                                        : "did you mean " + quoted(meant) + '?')});
    }

    void wrong(const value& at, const std::string& where, const std::string& what) {
        if (!full()) into_.problems.push_back({one_line(where, 200), at.offset, what});
    }

    // --- the known keys ---

    static constexpr reader a_text = &settings_decoder::text<>;
    static constexpr reader a_flag = &settings_decoder::flag;
    static constexpr reader a_time = &settings_decoder::parsed<parse_duration>;
    static constexpr reader some_time = &settings_decoder::parsed<parse_positive_duration>;

    static constexpr key consul_level[] = {{"httpAddr", a_text},  {"tokenFile", a_text},     {"httpAuthFile", a_text},
                                           {"caFile", a_text},    {"caPath", a_text},        {"clientCert", a_text},
                                           {"clientKey", a_text}, {"tlsServerName", a_text}, {"namespace", a_text},
                                           {"partition", a_text}, {"httpSsl", a_flag},       {"httpSslVerify", a_flag}};
    static constexpr key trigger_level[] = {{"timeout", some_time},
                                            {"grace", some_time},
                                            {"backoff", some_time},
                                            {"maxBackoff", some_time},
                                            {"settle", some_time},
                                            {"attempts", &settings_decoder::parsed<parse_count<100>>},
                                            {"parallel", &settings_decoder::parsed<parse_count<64>>}};
    static constexpr key top_level[] = {{"serviceFilter", &settings_decoder::filter},
                                        {"clusterKey", a_text},
                                        {"triggerKey", a_text},
                                        {"subVars", &settings_decoder::substitutions},
                                        {"noopTriggers", &settings_decoder::noop_triggers},
                                        {"consulConfig", &settings_decoder::not_needed},
                                        {"environment", a_text},
                                        {"serverRole", a_text},
                                        {"node", a_text},
                                        {"datacenter", a_text},
                                        {"consul", &settings_decoder::consul},
                                        {"store", a_text},
                                        {"stateDir", a_text},
                                        {"serviceManager", a_text},
                                        {"initDirectory", a_text},
                                        {"format", a_text},
                                        {"timeout", a_time},
                                        {"maxAge", a_time},
                                        {"maxStale", a_time},
                                        {"consistent", a_flag},
                                        {"healthCache", a_flag},
                                        {"unknownExit", &settings_decoder::parsed<parse_unknown_exit>},
                                        {"workUser", a_text},
                                        {"takeoverOn", &settings_decoder::parsed<parse_takeover>},
                                        {"takeoverAfter", a_time},
                                        {"giveBackAfter", a_time},
                                        {"absentAfter", a_time},
                                        {"log", a_text},
                                        {"logLevel", &settings_decoder::parsed<parse_event_level>},
                                        {"logFormat", &settings_decoder::parsed<parse_log_format>},
                                        {"stopFile", a_text},
                                        {"trigger", &settings_decoder::trigger}};

    settings_reading& into_;
};

}  // namespace detail

/// The keys that may stand at the top of a configuration.
[[nodiscard]] inline auto settings_keys() -> std::vector<std::string_view> {
    return detail::settings_decoder::known_keys();
}

/// Reads the text of a configuration file and goes on after a problem, up to most_problems unknown keys and as many
/// others.
[[nodiscard]] inline auto read_settings(std::string_view text) -> settings_reading {
    settings_reading read;
    problem wrong;
    read.root = parse(text, wrong);
    if (!read.root) {
        read.problems.push_back(std::move(wrong));
        return read;
    }
    detail::settings_decoder{read}.decode();
    return read;
}

/// Decodes a configuration file. Fails with errc::configuration, naming the key, its place and what was expected; a
/// key that is not known is an error that names the nearest known one. With `ignored` it is none, and the paths of such
/// keys are added there, at most most_problems.
[[nodiscard]] inline auto decode_settings(std::string_view text, std::vector<std::string>* ignored = nullptr)
    -> result<settings> {
    auto read = read_settings(text);
    for (std::size_t i = 0; i < read.problems.size(); ++i) {
        if (ignored == nullptr || !algo::binary_search(read.unknown_keys, i)) {
            return fail(errc::configuration, sentence(read.problems[i], text));
        }
        ignored->push_back(std::move(read.problems[i].where));
    }
    return std::move(read.said);
}

}  // namespace powerconsul::inline v0::json

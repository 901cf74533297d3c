#pragma once

#include <array>

#include <powerconsul/cluster/document.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// The keys below which documents and triggers are kept. A segment `*` matches any environment.
struct key_bases {
    std::string cluster{"cluster/*"};
    std::string trigger{"triggers/*"};
    std::string shared{"triggers"};  ///< of the triggers that every environment reads second; empty if none does

    /// Where triggers stand, for a person.
    [[nodiscard]] auto trigger_places() const -> std::string {
        const std::string_view below = "/<service>/<role>/<state>";
        const std::string first = trigger + std::string{below};
        return shared.empty() ? first : first + " or " + shared + std::string{below};
    }
};

enum class key_kind : unsigned char {
    other,    ///< below neither base
    ignored,  ///< below a base, but for people or locks: a folder, or a last segment that begins with a dot
    document,
    trigger,
    misplaced,  ///< below a base, but where no check reads it
};

/// What a key of the KV store means to powerconsul.
struct known_key {
    key_kind kind{key_kind::other};
    std::string environment{};  ///< the segment in place of the base's `*`
    std::string service{};
    std::string role{};   ///< of a trigger, as spelt in the key
    std::string state{};  ///< of a trigger, as spelt in the key
    std::string why{};    ///< why a key is misplaced: what was expected
    bool shared{};        ///< a trigger that the nodes of every environment read, after their environment's own
};

namespace detail {

/// The segment in place of a base's `*`, and the segments after the base.
struct below_base {
    std::string environment{};
    std::vector<std::string> rest{};
};

/// Nothing if the key is not below the base.
[[nodiscard]] inline auto split_below(std::string_view base, std::string_view key) -> std::optional<below_base> {
    if (base.ends_with('/')) base.remove_suffix(1);
    const auto wanted = split(base, '/');
    const auto there = split(key, '/');
    if (there.size() <= wanted.size()) return std::nullopt;
    below_base found{.rest = {there.begin() + static_cast<std::ptrdiff_t>(wanted.size()), there.end()}};
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] == "*") {
            found.environment = there[i];
        } else if (wanted[i] != there[i]) {
            return std::nullopt;
        }
    }
    return found;
}

/// A name, and other words for it.
struct synonyms {
    std::string_view meant{};
    std::array<std::string_view, 7> words{};
};
inline constexpr std::array<std::string_view, 3> role_names{"primary", "secondary", "standalone"};
/// The states in which a trigger heals, and then the ends of an incident, of which one tells.
inline constexpr std::array<std::string_view, 4> state_names{"critical", "warning", "passing", "given-up"};
inline constexpr std::array<std::string_view, 2> healed_states{"critical", "warning"};
/// python-powerconsul looks under `None` where a document says that all nodes are active.
inline constexpr std::array<synonyms, 3> other_roles{
    {{"primary", {"master", "active", "leader", "main", "active_nodes", "none"}},
     {"secondary", {"slave", "standby", "passive", "replica", "backup", "follower", "standby_nodes"}},
     {"standalone", {"single", "alone"}}}};
inline constexpr std::array<synonyms, 4> other_states{{{"critical", {"crit", "error", "failed", "down"}},
                                                       {"warning", {"warn"}},
                                                       {"passing", {"ok", "pass", "healed", "recovered", "resolved"}},
                                                       {"given-up", {"abandoned", "escalate", "escalation"}}}};

/// The one of the names that is meant by `word`; empty if none seems to be.
[[nodiscard]] inline auto meant_name(std::string_view word, const auto& names, const auto& others) -> std::string_view {
    const std::string lower = ascii::lower(word.substr(0, 64));
    for (const synonyms& each : others) {
        if (!lower.empty() && is_one_of(lower, each.words)) return each.meant;
    }
    const std::string_view meant = nearest(lower, names);
    // At most a third of the letters may differ: "running" is not a misspelt "warning".
    return edit_distance(lower, meant) * 3 > meant.size() ? std::string_view{} : meant;
}

/// Why `word` is none of the names, `what` being the noun for them; empty if it is one.
[[nodiscard]] inline auto not_a_name(std::string_view what, std::string_view word, const auto& names,
                                     const auto& others) -> std::string {
    if (is_one_of(word, names)) return {};
    const auto meant = meant_name(word, names, others);
    return quoted(word) + " is no " + std::string{what} + "; " +
           (meant.empty() ? "there are " + listed({names.begin(), names.end()})
                          : "did you mean " + quoted(meant) + '?');
}

}  // namespace detail

/// Classifies a key. `is_folder` means that it has no value, like the folders that Consul's user interface creates.
[[nodiscard]] inline auto classify_key(const key_bases& bases, std::string_view key, bool is_folder = false)
    -> known_key {
    known_key found;
    auto below = detail::split_below(bases.trigger, key);
    // A key at the shared place has a segment less than one of an environment. What then stands for the role tells it
    // from one of an environment that lacks a segment.
    auto shared = bases.shared.empty() ? std::nullopt : detail::split_below(bases.shared, key);
    found.shared = shared && shared->rest.size() == 3 &&
                   !detail::meant_name(shared->rest[1], detail::role_names, detail::other_roles).empty();
    if (found.shared) below = std::move(shared);
    const bool trigger = below.has_value();
    if (!trigger) below = detail::split_below(bases.cluster, key);
    if (!below) return found;
    const auto& rest = below->rest;
    const auto& last = rest.back();
    found.environment = below->environment;
    found.kind = key_kind::ignored;
    if (is_folder && last.empty()) return found;
    if (rest.size() > 1 && last.size() > 1 && last.front() == '.' && last != "..") return found;
    found.kind = key_kind::misplaced;
    if (rest.size() != (trigger ? 3U : 1U)) {
        found.why = "no key that powerconsul reads: " +
                    (trigger ? "triggers stand at " + bases.trigger_places()
                             : "cluster documents stand at " + bases.cluster + "/<service>");
        return found;
    }
    found.service = rest[0];
    if (const auto valid = validate_segment("the Consul service name", rest[0]); !valid) {
        found.why = valid.error().message + ": no check reads this key";
    } else if (trigger) {
        found.why = detail::not_a_name("role", rest[1], detail::role_names, detail::other_roles);
        if (found.why.empty()) {
            found.why =
                detail::not_a_name("state that has triggers", rest[2], detail::state_names, detail::other_states);
        }
    }
    if (!found.why.empty()) return found;
    found.kind = trigger ? key_kind::trigger : key_kind::document;
    if (trigger) found.role = rest[1];
    if (trigger) found.state = rest[2];
    return found;
}

/// Whether any of a document's nodes can be a standby.
[[nodiscard]] inline auto has_standbys(const cluster_document& document) -> bool {
    return algo::any_of(document.rules, [](const auto& rule) { return rule.group.by != grouping::all_active; });
}

/// Why no node can ever have the role `wanted` for a service with this document, or without one (nullptr); empty if a
/// node may have it.
[[nodiscard]] inline auto unreachable_role(std::string_view wanted, const cluster_document* document) -> std::string {
    if (document == nullptr) {
        if (wanted == to_string(role::standalone)) return {};
        return "without a cluster document every node is standalone";
    }
    if (wanted == to_string(role::standalone)) return "with a cluster document no node is standalone";
    if (wanted == to_string(role::primary)) return {};
    if (has_standbys(*document)) return {};
    return "the mode of its cluster document is all-active: every node is primary";
}

}  // namespace powerconsul::inline v0

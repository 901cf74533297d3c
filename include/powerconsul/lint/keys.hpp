#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/cluster/document.hpp>
#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

/// The keys below which documents and triggers are kept. A segment `*` matches any environment.
struct key_bases {
    std::string cluster{"cluster/*"};
    std::string trigger{"triggers/*"};
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
};

namespace detail {

/// Whether a base matches a key, the segment in place of the base's `*`, and the segments after the base.
struct below_base {
    bool matches{};
    std::string environment{};
    std::vector<std::string> rest{};
};

[[nodiscard]] inline auto split_below(std::string_view base, std::string_view key) -> below_base {
    if (base.ends_with('/')) base.remove_suffix(1);
    const auto wanted = split(base, '/');
    const auto there = split(key, '/');
    below_base found;
    if (there.size() <= wanted.size()) return found;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] == "*") {
            found.environment = there[i];
        } else if (wanted[i] != there[i]) {
            return found;
        }
    }
    found.matches = true;
    found.rest.assign(there.begin() + static_cast<std::ptrdiff_t>(wanted.size()), there.end());
    return found;
}

struct synonym {
    std::string_view word{};
    std::string_view meant{};
};

inline constexpr auto role_synonyms = std::to_array<synonym>({
    {"master", "primary"},
    {"active", "primary"},
    {"leader", "primary"},
    {"main", "primary"},
    {"slave", "secondary"},
    {"standby", "secondary"},
    {"passive", "secondary"},
    {"replica", "secondary"},
    {"backup", "secondary"},
    {"follower", "secondary"},
    {"single", "standalone"},
    {"alone", "standalone"},
    {"active_nodes", "primary"},
    {"standby_nodes", "secondary"},
});
inline constexpr auto state_synonyms = std::to_array<synonym>({
    {"crit", "critical"},
    {"error", "critical"},
    {"failed", "critical"},
    {"down", "critical"},
    {"warn", "warning"},
});
inline constexpr std::array<std::string_view, 3> role_names{"primary", "secondary", "standalone"};
inline constexpr std::array<std::string_view, 2> state_names{"critical", "warning"};

/// The name that `word` was probably meant to be; empty if none is likely.
[[nodiscard]] inline auto meant_by(std::string_view word, const auto& synonyms, const auto& names) -> std::string_view {
    const std::string lower = ascii::lower(word.substr(0, 64));
    for (const auto& each : synonyms) {
        if (each.word == lower) return each.meant;
    }
    const std::string_view near = nearest(lower, names);
    // At most a third of the letters may differ: "passing" is not a misspelt "warning".
    return edit_distance(lower, near) * 3 > near.size() ? std::string_view{} : near;
}

[[nodiscard]] inline auto misplaced(known_key key, std::string why) -> known_key {
    key.kind = key_kind::misplaced;
    key.why = std::move(why);
    return key;
}

[[nodiscard]] inline auto not_known(known_key key, std::string_view what, std::string_view word, std::string_view meant,
                                    std::string_view all) -> known_key {
    return misplaced(std::move(key),
                     quoted(word) + " is no " + std::string{what} + "; " +
                         (meant.empty() ? "there are " + std::string{all} : "did you mean " + quoted(meant) + '?'));
}

}  // namespace detail

/// Classifies a key. `is_folder` means that it has no value, like the folders that Consul's user interface creates.
[[nodiscard]] inline auto classify_key(const key_bases& bases, std::string_view key, bool is_folder = false)
    -> known_key {
    known_key found;
    const auto service_is_valid = [&](const std::string& name) {
        auto valid = validate_segment("the Consul service name", name);
        if (!valid) found = detail::misplaced(found, valid.error().message + ": no check reads this key");
        return static_cast<bool>(valid);
    };
    const auto is_for_others = [&](const std::vector<std::string>& rest) {
        if (is_folder && rest.back().empty()) return true;
        return rest.size() > 1 && rest.back().size() > 1 && rest.back().front() == '.' && rest.back() != "..";
    };
    if (const auto below = detail::split_below(bases.trigger, key); below.matches) {
        const auto& rest = below.rest;
        found.environment = below.environment;
        found.kind = key_kind::ignored;
        if (is_for_others(rest)) return found;
        if (rest.size() != 3) {
            return detail::misplaced(found, "no key that powerconsul reads: triggers stand at " + bases.trigger +
                                                "/<service>/<role>/<state>");
        }
        found.service = rest[0];
        if (!service_is_valid(rest[0])) return found;
        if (!is_one_of(rest[1], detail::role_names)) {
            return detail::not_known(found, "role", rest[1],
                                     detail::meant_by(rest[1], detail::role_synonyms, detail::role_names),
                                     "primary, secondary and standalone");
        }
        if (!is_one_of(rest[2], detail::state_names)) {
            return detail::not_known(found, "state that has triggers", rest[2],
                                     detail::meant_by(rest[2], detail::state_synonyms, detail::state_names),
                                     "critical and warning");
        }
        found.kind = key_kind::trigger;
        found.role = rest[1];
        found.state = rest[2];
        return found;
    }
    if (const auto below = detail::split_below(bases.cluster, key); below.matches) {
        const auto& rest = below.rest;
        found.environment = below.environment;
        found.kind = key_kind::ignored;
        if (is_for_others(rest)) return found;
        if (rest.size() != 1) {
            return detail::misplaced(
                found, "no key that powerconsul reads: cluster documents stand at " + bases.cluster + "/<service>");
        }
        found.service = rest[0];
        if (service_is_valid(rest[0])) found.kind = key_kind::document;
        return found;
    }
    return found;
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
    const auto has_lists = [](const auto& rule) { return rule.group.by != grouping::all_active; };
    if (std::ranges::any_of(document->rules, has_lists)) return {};
    return "the mode of its cluster document is all-active: every node is primary";
}

}  // namespace powerconsul::inline v0

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// What Consul's ACLs guard. A right on a `prefix` covers every name that begins with the segment.
enum class acl_resource : unsigned char { key, node, service, agent };

[[nodiscard]] constexpr auto to_string(acl_resource value) -> std::string_view {
    switch (value) {
        case acl_resource::key: return "key";
        case acl_resource::node: return "node";
        case acl_resource::service: return "service";
        case acl_resource::agent: break;
    }
    return "agent";
}

/// The right to read one thing, or all whose names begin alike. powerconsul writes nothing.
struct acl_right {
    acl_resource resource{acl_resource::key};
    std::string segment{};
    bool prefix{};

    friend bool operator==(const acl_right&, const acl_right&) = default;
};

/// As a message names it: `key:read on cluster/production/web`, `node:read on every node named production-web…`.
[[nodiscard]] inline auto to_string(const acl_right& right) -> std::string {
    const std::string kind{to_string(right.resource)};
    if (!right.prefix) return kind + ":read on " + right.segment;
    if (right.segment.empty()) return kind + ":read on every " + kind;
    return kind + ":read on every " + kind + " named " + right.segment + "…";
}

[[nodiscard]] inline auto to_string(const std::vector<acl_right>& rights) -> std::string {
    std::vector<std::string> texts;
    texts.reserve(rights.size());
    for (const auto& each : rights) texts.push_back(to_string(each));
    return listed(texts);
}

}  // namespace powerconsul::inline v0

#pragma once

#include <powerconsul/core/text.hpp>

/// Expressions for Consul's `?filter=`: its servers send what matches, and only the rights to that count. They narrow
/// an answer and never judge it: an agent before 1.5 does not know them and sends everything.
namespace powerconsul::inline v0::consul_filter {

/// An expression in RE2's syntax that matches a name and perhaps others. Only characters that mean themselves
/// everywhere stand in it, since a filter has no escapes.
[[nodiscard]] inline auto pattern_of(std::string_view name) -> std::string {
    std::string pattern;
    for (const char c : name) {
        const bool plain = ascii::is_alphanumeric(c) || c == '-' || c == '_';
        pattern += plain ? std::string(1, c) : static_cast<unsigned char>(c) < 0x80 ? "." : ".*";
    }
    return pattern;
}

/// Instances on nodes of these names, with or without a domain.
[[nodiscard]] inline auto on_nodes(const std::vector<std::string>& names) -> std::string {
    std::string any;
    for (const auto& each : names) any += (any.empty() ? "" : "|") + pattern_of(each.substr(0, each.find('.')));
    return R"(Node.Node matches "(?i)^()" + any + R"()([.].*)?$")";
}

/// Instances on nodes whose name begins so.
[[nodiscard]] inline auto on_nodes_named(std::string_view prefix) -> std::string {
    return R"(Node.Node matches "(?i)^)" + pattern_of(prefix) + '"';
}

/// Checks of a service, and those of the node itself.
[[nodiscard]] inline auto checks_of(std::string_view service) -> std::string {
    return R"(ServiceName matches "(?i)^()" + pattern_of(service) + R"()?$")";
}

/// A service among those of a node.
[[nodiscard]] inline auto service_named(std::string_view service) -> std::string {
    return R"(Service matches "(?i)^)" + pattern_of(service) + R"($")";
}

/// The text with which everything must begin that an expression of Python's matches from its start on; empty if that
/// cannot be told at a glance.
[[nodiscard]] inline auto literal_prefix(std::string_view expression) -> std::string_view {
    if (expression.starts_with('^')) expression.remove_prefix(1);
    std::size_t length = 0;
    const auto is_plain = [](char c) { return ascii::is_alphanumeric(c) || c == '-' || c == '_'; };
    while (length < expression.size() && is_plain(expression[length])) ++length;
    const std::string_view rest = expression.substr(length);
    if (!rest.empty() && std::string_view{"*?{"}.find(rest.front()) != std::string_view::npos && length > 0) --length;
    // Another alternative begins in another way.
    int depth = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] == '\\' || rest[i] == '[')
            return rest.find('|', i) == std::string_view::npos ? expression.substr(0, length) : std::string_view{};
        depth += rest[i] == '(' ? 1 : rest[i] == ')' ? -1 : 0;
        if (rest[i] == '|' && depth <= 0) return {};
    }
    return expression.substr(0, length);
}

}  // namespace powerconsul::inline v0::consul_filter

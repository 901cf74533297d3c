#pragma once

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// A host name without its domain: `web1.example.org` is `web1`.
[[nodiscard]] constexpr auto short_name(std::string_view host) -> std::string_view {
    return host.substr(0, host.find('.'));
}

/// What a host name `<environment>-<serverrole><digits>` says. Views into the name that was given.
struct host_parts {
    std::string_view environment{};
    std::string_view server_role{};

    friend constexpr bool operator==(const host_parts&, const host_parts&) = default;
};

/// The environment is what stands before the first `-`, or the whole short name; the server role is the rest without
/// its trailing digits.
[[nodiscard]] constexpr auto split_host_name(std::string_view host) -> host_parts {
    const std::string_view name = short_name(host);
    const std::size_t dash = name.find('-');
    if (dash == std::string_view::npos) return {name, {}};
    std::string_view server_role = name.substr(dash + 1);
    while (!server_role.empty() && ascii::is_digit(server_role.back())) server_role.remove_suffix(1);
    return {name.substr(0, dash), server_role};
}

/// Are two host names the same, upper and lower case apart, as for DNS and for Consul's catalog?
[[nodiscard]] constexpr auto same_host(std::string_view a, std::string_view b) -> bool {
    return ascii::equal_ignoring_case(a, b);
}

/// Do a listed name and a node's name mean the same node? A domain part counts only if both have one. Taking `web1`
/// for `web1.example.org` can only make a standby wait, taking them for two nodes could make it start beside an active.
[[nodiscard]] constexpr auto same_node(std::string_view a, std::string_view b) -> bool {
    if (same_host(a, b)) return true;
    const bool one_without_domain = (a.find('.') == std::string_view::npos) != (b.find('.') == std::string_view::npos);
    return one_without_domain && same_host(short_name(a), short_name(b));
}

/// Who this node is. Empty means "not known yet": the resolver asks the agent for what it needs.
struct identity {
    std::string node{};  ///< set by option or configuration; then it is the only name
    std::string host{};  ///< the machine's host name, with or without domain
    std::string environment{};
    std::string server_role{};
    std::string datacenter{};
};

/// Who said each part of an identity: an option, a variable, a file. Empty if nobody did, so that the part comes from
/// the host name or the agent.
struct identity_sources {
    std::string node{};
    std::string environment{};
    std::string server_role{};
    std::string datacenter{};
};

/// Fills in environment and server role from the node's name, or else from the host name, where they are not set. A
/// machine that has not got its name yet (`localhost`, or the kernel's `(none)`) has no environment: it would be a
/// standalone there for every service.
[[nodiscard]] inline auto completed(identity who) -> identity {
    const std::string_view name = who.node.empty() ? who.host : who.node;
    const bool nameless = short_name(name) == "localhost" || name == "(none)";
    const host_parts parts = nameless ? host_parts{} : split_host_name(name);
    if (who.environment.empty()) who.environment = parts.environment;
    if (who.server_role.empty()) who.server_role = parts.server_role;
    return who;
}

/// One segment of a KV key, as every Consul since 1.8 stores it under exactly this name: not empty, no `/`, not `.` or
/// `..` (Consul answers those with a redirect to another key), no control characters, valid UTF-8, no space at either
/// end (refused since 1.22), at most 128 bytes. `what` names it in the error, which is errc::usage.
[[nodiscard]] inline auto validate_segment(std::string_view what, std::string_view name) -> result<void> {
    const auto refused = [&](std::string_view why) {
        return fail(errc::usage, std::string{what} + ' ' + quoted(name) + ' ' + std::string{why});
    };
    if (name.empty()) return refused("is empty");
    if (name.size() > 128) return refused("is longer than 128 bytes");
    if (name == "." || name == "..") return refused("would be another key in Consul's KV store");
    if (!is_utf8(name)) return refused("is not valid UTF-8");
    if (name.front() == ' ' || name.back() == ' ') return refused("begins or ends with a space");
    for (const char c : name) {
        if (c == '/') return refused("contains '/', which would make it another key in Consul's KV store");
        if (ascii::is_control(c)) return refused("contains a control character");
    }
    return {};
}

/// `base/service`: the key of a service's document. The base may have several segments and a `/` at its end.
[[nodiscard]] inline auto document_key(std::string_view base, std::string_view service) -> result<std::string> {
    if (!base.empty() && base.back() == '/') base.remove_suffix(1);
    if (base.empty()) return fail(errc::usage, "the key below which cluster documents stand is empty");
    for (const auto segment : split(base, '/')) {
        auto valid = validate_segment("the segment of key " + quoted(base), segment);
        if (!valid) return unexpected{std::move(valid).error()};
    }
    auto valid = validate_segment("the Consul service name", service);
    if (!valid) return unexpected{std::move(valid).error()};
    return std::string{base} + '/' + std::string{service};
}

/// Why some version of Consul refuses a key that 1.8.7 takes; empty if all take it. 1.21.5 takes few letters
/// (hashicorp/consul#22682, #22822), 1.21.6 and 1.22 refuse what looks like a path that leads upwards (#22931), and a
/// proposed version (#22593) whatever ends like the name of a file.
[[nodiscard]] inline auto refused_by_some(std::string_view key) -> std::string {
    constexpr std::string_view taken = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,_./-?&=";
    constexpr std::string_view ends[] = {
        "js",  "css", "html", "htm", "xml", "json", "txt", "log",  "php",  "asp",   "jsp", "cgi",  "pl",  "py",
        "rb",  "sh",  "exe",  "dll", "bat", "cmd",  "com", "scr",  "vbs",  "pdf",   "doc", "docx", "xls", "xlsx",
        "ppt", "zip", "rar",  "tar", "gz",  "7z",   "bz2", "jpg",  "jpeg", "png",   "gif", "svg",  "ico", "bmp",
        "mp3", "mp4", "avi",  "mov", "wmv", "flv",  "swf", "pptx", "woff", "woff2", "ttf", "eot",  "otf"};
    const std::string which = "some versions of Consul do not take the key " + quoted(key) + ": ";
    if (key.find_first_not_of(taken) != std::string_view::npos) {
        return which + "it has other characters than letters, digits and ,_./-?&=";
    }
    if (key.find("..") != std::string_view::npos) return which + "it has two dots in a row";
    const std::string end = ascii::lower(key.substr(key.find_last_of("./") + 1));
    if (key.find_last_of("./") == std::string_view::npos || key[key.find_last_of("./")] == '/') return {};
    return is_one_of(end, ends) ? which + "it ends in ." + end + ", as the name of a file" : std::string{};
}

}  // namespace powerconsul::inline v0

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// The line of /etc/passwd or /etc/shadow that begins with `name:`, without that.
template <file_source Files>
[[nodiscard]] auto account_line(Files& files, const std::string& path, std::string_view name)
    -> result<std::optional<std::string>> {
    const auto text = files.read(path, std::size_t{16} << 20U);
    if (!text) return unexpected{text.error()};
    for (std::string_view rest = *text ? std::string_view{**text} : std::string_view{}; !rest.empty();) {
        std::string_view line = next_part(rest, '\n');
        if (next_part(line, ':') == name) return std::optional{std::string{line}};
    }
    return std::optional<std::string>{};
}

}  // namespace detail

/// Why Debian's cron, which asks PAM, runs no job of this account; empty if it does. Looks at /etc/passwd and
/// /etc/shadow as pam_unix 1.5.2 does; of an account that stands elsewhere (LDAP) nothing is said. `now` is the time
/// since 1970-01-01 UTC. Fails with errc::denied and the like if a file cannot be read.
template <file_source Files>
[[nodiscard]] auto refused_account(Files& files, const std::string& user, milliseconds now) -> result<std::string> {
    const auto known = detail::account_line(files, "/etc/passwd", user);
    if (!known) return unexpected{known.error()};
    // Without the x, the password stands in /etc/passwd, and nothing expires.
    if (!*known || !(*known)->starts_with("x:")) return std::string{};
    const auto shadow = detail::account_line(files, "/etc/shadow", user);
    if (!shadow) return unexpected{shadow.error()};
    const auto refused = [&](std::string_view why) {
        return "cron runs no job of user " + quoted(user) + ": " + std::string{why};
    };
    if (!*shadow) return refused("there is no entry in /etc/shadow");
    // Password, day of its last change, least and greatest age, warning, inactivity, day of expiry; days since 1970.
    std::array<std::optional<std::uint64_t>, 7> days{};
    std::string_view rest = **shadow;
    for (auto& each : days) each = whole_number(next_part(rest, ':'));
    const auto& changed = days[1];
    const auto& greatest = days[3];
    const auto& expiry = days[6];
    const auto today = static_cast<std::uint64_t>(now.count) / 86'400'000;
    if (expiry && today >= *expiry) return refused("the account has expired");
    if (changed == 0) return refused("the password must be changed");
    if (changed && greatest && today > *changed + *greatest) return refused("the password has expired");
    return std::string{};
}

}  // namespace powerconsul::inline v0

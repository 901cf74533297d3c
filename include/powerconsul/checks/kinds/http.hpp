#pragma once

#include <powerconsul/checks/kinds/kind.hpp>
#include <powerconsul/probes/http.hpp>

namespace powerconsul::inline v0::checks {

/// Does a web server answer with an expected status?
struct http {
    static constexpr kind_words words{
        .name = "http",
        .about = "does a web server answer as its role demands",
        .required = "<url> -S <Consul service>",
        .example = "powerconsul check http http://localhost/health -S web",
        .operands = 1,
    };
    static constexpr std::array options{
        option{0, "expect", "STATUS-STATUS", "the statuses that are as they should be (default 200-399)"},
    };

    std::string url{};
    std::string expect{"200-399"};

    [[nodiscard]] static auto from(const given_options auto& given) -> http {
        return {given.operands.empty() ? "" : given.operands.front(), given.value("expect").value_or("200-399")};
    }

    [[nodiscard]] auto valid() const -> result<void> {
        if (url.empty()) return fail(errc::usage, "the address to ask is missing" + see_help(words));
        if (auto where = parse_web_address(url); !where) return unexpected{std::move(where).error()};
        if (auto range = parse_status_range(expect); !range) {
            return fail(errc::usage, "--expect: " + range.error().message);
        }
        return {};
    }

    [[nodiscard]] auto subject() const -> check_subject {
        return {.kind = std::string{words.name}, .name = without_password(url), .key = "url"};
    }

    /// Whether a program without TLS cannot do this check.
    [[nodiscard]] auto needs_tls() const -> bool { return url.starts_with("https://"); }

    [[nodiscard]] static auto looks_aside() -> bool { return true; }

    /// The host that this check connects to; empty if the address is none.
    [[nodiscard]] auto remote_host() const -> std::string {
        const auto where = parse_web_address(url);
        return where ? where->host : "";
    }

    [[nodiscard]] auto look(auto& here, const circumstances& now) const -> observed {
        const milliseconds left = now.deadline - here.clock.monotonic();
        if (left.count <= 100) return no_time_left;
        const auto where = parse_web_address(url);
        const auto range = parse_status_range(expect);
        if (!where || !range) return {observation::unknown, (where ? range.error() : where.error()).message};
        return http_probe{http_probe_options{*where, *range, {left.count * 4 / 5}}, here.network, here.web}();
    }
};

}  // namespace powerconsul::inline v0::checks

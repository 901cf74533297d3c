#pragma once

#include <powerconsul/checks/kinds/kind.hpp>
#include <powerconsul/probes/tcp.hpp>

namespace powerconsul::inline v0::checks {

/// Does something accept connections on a TCP port?
struct tcp {
    static constexpr kind_words words{
        .name = "tcp",
        .about = "does a TCP port accept connections as its role demands",
        .required = "-p <port> -S <Consul service>",
        .example = "powerconsul check tcp -p 5432 -S database",
    };
    static constexpr std::array options{
        option{'p', "port", "NUMBER", "the port"},
        option{0, "host", "NAME", "where it is (default localhost)"},
    };

    std::string port{};
    std::string host{"localhost"};

    [[nodiscard]] static auto from(const given_options auto& given) -> tcp {
        return {given.value("port").value_or(""), given.value("host").value_or("localhost")};
    }

    [[nodiscard]] auto valid() const -> result<void> {
        if (port.empty()) return missing("-p/--port", words);
        if (number() != 0) return {};
        return fail(errc::usage, "-p/--port: " + quoted(port) + " is not a number from 1 to 65535");
    }

    [[nodiscard]] auto subject() const -> check_subject {
        return {.kind = std::string{words.name},
                .name = port,
                .title = port.empty() ? "" : "port " + one_line(port, 20) + " of " + one_line(host, 200),
                .key = "port"};
    }

    [[nodiscard]] static auto looks_aside() -> bool { return true; }

    /// The host that this check connects to.
    [[nodiscard]] auto remote_host() const -> std::string { return host; }

    [[nodiscard]] auto look(auto& here, const circumstances& now) const -> observed {
        const milliseconds left = now.deadline - here.clock.monotonic();
        if (left.count <= 100) return no_time_left;
        return tcp_probe{tcp_probe_options{host, number(), {left.count * 4 / 5}}, here.network}();
    }

private:
    /// The port's number; 0 if `port` is not a valid one.
    [[nodiscard]] auto number() const -> std::uint16_t {
        return static_cast<std::uint16_t>(whole_number(port, 65'535).value_or(0));
    }
};

}  // namespace powerconsul::inline v0::checks

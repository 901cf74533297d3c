#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/doctor/examine.hpp>
#include <powerconsul/doctor/python_examination.hpp>

#include "host.hpp"

namespace powerconsul::cli {

namespace {

/// Understands what the agent's checks and handlers call as this program would if they called it here.
struct front {
    const invocation& call;

    [[nodiscard]] auto find_words(const std::vector<std::string>& args) const { return cli::find_words(args); }
    [[nodiscard]] auto parse(const std::vector<std::string>& args) const { return parse_command_line(args); }
    [[nodiscard]] auto validate(const config::arguments& line) const { return validate_check(line); }

    [[nodiscard]] auto configure(const config::arguments& line, const found_call& found) const
        -> result<configuration> {
        invocation other;
        other.args = found.args;
        other.environment = call.environment;
        other.host = call.host;
        for (const auto& [name, value] : found.variables) other.environment.insert_or_assign(name, value);
        return cli::configure(other, line);
    }

    [[nodiscard]] auto host_of(const configuration& chosen) const -> result<quiet_host> {
        auto here = make_host(chosen);
        if (here) here->name = call.host;
        return here;
    }
};

}  // namespace

auto run_doctor(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out,
                std::string&) -> result<exit_code> {
    const auto named = named_service(line);
    if (!named) return unexpected{named.error()};
    const std::string& only = *named;
    if (!only.empty()) {
        if (auto valid = validate_segment("the Consul service name", only); !valid) return unexpected{valid.error()};
    }
    const front ours{call};
    auto here = ours.host_of(chosen);
    if (!here) return unexpected{std::move(here).error()};
    const posix_machine machine;
    const auto found = line.has("from-python") ? python_examination{*here, machine, ours, chosen}(only)
                                               : examination{*here, machine, ours, chosen}(only);
    out += findings_text(found, line.has("json") || chosen.format == output_format::json, line.has("quiet"));
    return exit_code{exit_status(found)};
}

}  // namespace powerconsul::cli

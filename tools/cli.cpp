#include "cli.hpp"

#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix_clock.hpp>
#include <powerconsul/adapters/posix_files.hpp>
#include <powerconsul/adapters/posix_spawn.hpp>
#include <powerconsul/adapters/store_file.hpp>
#include <powerconsul/check.hpp>
#include <powerconsul/json/report.hpp>
#include <powerconsul/probes/service.hpp>
#include <powerconsul/version.hpp>

#include "command_line.hpp"
#include "configuration.hpp"
#include "exit_code.hpp"
#include "http.hpp"

namespace powerconsul::cli {

namespace {

[[nodiscard]] auto make_transport(const configuration& chosen) -> result<any_transport> {
    if (chosen.store.empty()) return make_http_transport(chosen.http_addr, chosen.token);
    return any_transport{file_store_transport{posix_files{}, chosen.store}};
}

/// Five eighths of the time are for Consul and what is left for looking at the service: when Consul hangs, there must
/// still be time to hold the service against the last known role.
[[nodiscard]] constexpr auto time_for_consul(milliseconds whole) -> milliseconds { return {whole.count * 5 / 8}; }

/// The role of this node for the service of the command line.
[[nodiscard]] auto resolve(const configuration& chosen, std::string_view service, posix_clock& time)
    -> result<resolution> {
    if (auto valid = validate_segment("the Consul service name", service); !valid) return unexpected{valid.error()};
    auto transport = make_transport(chosen);
    if (!transport) return unexpected{std::move(transport).error()};
    role_resolver<any_transport&, posix_clock&, posix_files> roles{*transport, time, posix_files{}, chosen.state_dir,
                                                                   chosen.roles};
    auto facts = roles.resolve(service, time_for_consul(chosen.timeout));
    // The service's name is valid: what else is wrong with the key comes from clusterKey or the environment.
    if (facts.trouble && facts.trouble->code == errc::usage) {
        return fail(errc::configuration, facts.trouble->message + "; set clusterKey or --environment");
    }
    // Of a known role the actives may be in doubt for lack of a setting: that is an unknown with its reason.
    if (facts.own == role::unknown && facts.trouble && facts.trouble->code == errc::configuration) {
        return unexpected{*facts.trouble};
    }
    return facts;
}

[[nodiscard]] auto required(const command_line& line, std::string_view option, std::string_view spelling)
    -> result<std::string> {
    if (auto value = line.value(option)) return std::move(*value);
    return fail(errc::usage, "the option " + std::string{spelling} + " is missing; see powerconsul " +
                                 line.words.command + (line.words.subject.empty() ? "" : " ") + line.words.subject +
                                 " --help");
}

void print_check(const check_report& report, int code, output_format format, std::string& out) {
    out += format == output_format::text ? nagios_line(report) : json::check_line(report, code);
    out += '\n';
}

/// Every ending of a check prints the line, also when there is no verdict: a watch must be able to tell a check that
/// was called wrongly from a service that is down.
auto without_verdict(const command_words& words, std::string_view subject, const error& why, output_format format,
                     std::string& out) -> int {
    check_report report{.subject = {.kind = words.subject, .name = std::string{subject}}};
    report.why = why.message;
    const auto code = static_cast<int>(exit_code_for(why.code));
    print_check(report, code, format, out);
    return code;
}

[[nodiscard]] auto choose_manager(const configuration& chosen, posix_files& files) -> result<service_manager> {
    if (chosen.service_manager.empty()) return detect_service_manager(files);
    return parse_service_manager(chosen.service_manager);
}

[[nodiscard]] auto check_service(const command_line& line, const configuration& chosen) -> result<check_report> {
    auto local = required(line, "service", "-s/--service");
    if (!local) return unexpected{std::move(local).error()};
    auto service = required(line, "consulservice", "-S/--consulservice");
    if (!service) return unexpected{std::move(service).error()};
    if (auto valid = validate_local_service(*local); !valid) return unexpected{valid.error()};

    posix_clock time;
    posix_files files;
    const milliseconds deadline = time.monotonic() + chosen.timeout;
    if (!chosen.service_manager.empty()) {
        if (auto known = parse_service_manager(chosen.service_manager); !known) return unexpected{known.error()};
    }
    const auto facts = resolve(chosen, *service, time);
    if (!facts) return unexpected{facts.error()};
    return check("service", *local, *facts, [&]() -> observed {
        const auto manager = choose_manager(chosen, files);
        if (!manager) return {observation::unknown, manager.error().message};
        // The probe may ask two programs one after the other, and each may need its grace to end.
        const milliseconds left = deadline - time.monotonic();
        if (left.count <= 100) return {observation::unknown, "the time was over before the service could be looked at"};
        service_probe_options options{.name = *local, .manager = *manager, .timeout = {left.count * 2 / 5}};
        if (auto directory = line.value("init-directory")) options.init_directory = *directory;
        posix_spawn_executor executor;
        return service_probe{std::move(options), executor, files}();
    });
}

auto run_check(const invocation& call, const command_line& line, std::string& out) -> int {
    const std::string subject = line.value("service").value_or("");
    auto format = requested_format(call, line);
    const auto chosen = configure(call, line);
    if (!chosen) return without_verdict(line.words, subject, chosen.error(), format, out);
    format = chosen->format;
    const auto report = check_service(line, *chosen);
    if (!report) return without_verdict(line.words, subject, report.error(), format, out);
    const int code = exit_status(report->state, chosen->unknown_exit);
    print_check(*report, code, format, out);
    return code;
}

void print_role_text(std::string_view service, const resolution& facts, std::string& out) {
    const auto row = [&](std::string_view name, std::string_view text) {
        std::string padded{name};
        padded.resize(10, ' ');
        out += padded + one_line(text, 3000) + '\n';
    };
    row("service", service);
    row("role", to_string(facts.own));
    row("expects", to_string(facts.expects));
    row("why", facts.reason);
    row("document", facts.key + (facts.document == 0 ? "" : " (ModifyIndex " + std::to_string(facts.document) + ')'));
    row("basis", to_string(facts.from));
    if (facts.state_trouble) row("note", facts.state_trouble->message);
}

[[nodiscard]] auto role_json(std::string_view service, const resolution& facts) -> std::string {
    json::writer line;
    line.open_object();
    line.key("service").string(service);
    line.key("role").string(to_string(facts.own));
    line.key("expectation").string(to_string(facts.expects));
    line.key("clustered");
    if (facts.clustered == clustering::unknown) {
        line.null();
    } else {
        line.boolean(facts.clustered == clustering::yes);
    }
    line.key("reason").string(one_line(facts.reason, 3000));
    line.key("key").string(facts.key);
    line.key("document").number(facts.document);
    line.key("basis").string(to_string(facts.from));
    if (facts.state_trouble) line.key("note").string(one_line(facts.state_trouble->message, 1000));
    line.close_object();
    return line.text();
}

auto run_role(const command_line& line, const configuration& chosen, std::string& out) -> result<exit_code> {
    const auto service = required(line, "consulservice", "-S/--consulservice");
    if (!service) return unexpected{service.error()};
    posix_clock time;
    const auto facts = resolve(chosen, *service, time);
    if (!facts) return unexpected{facts.error()};
    if (chosen.format == output_format::json) {
        out += role_json(*service, *facts) + '\n';
    } else {
        print_role_text(*service, *facts, out);
    }
    if (facts->own != role::unknown && facts->expects != expectation::unknown) return exit_code::done;
    return facts->trouble ? exit_code_for(facts->trouble->code) : exit_code::failed;
}

auto complain(const error& why, std::string& err) -> int {
    err += "powerconsul: " + one_line(why.message, 3000) + '\n';
    return static_cast<int>(exit_code_for(why.code));
}

}  // namespace

namespace {

auto run_command(const invocation& call, std::string& out, std::string& err) -> int {
    auto line = parse_command_line(call.args);
    if (!line) {
        const auto words = find_words(call.args);
        if (words.command != "check") return complain(line.error(), err);
        return without_verdict(words, "", line.error(), requested_format(call, {}), out);
    }
    if (line->has("help")) {
        out += help_text(line->words);
        return static_cast<int>(exit_code::done);
    }
    if (line->has("version")) {
        out += "powerconsul " POWERCONSUL_VERSION "\n";
        return static_cast<int>(exit_code::done);
    }
    if (line->words.command == "check") return run_check(call, *line, out);
    const auto chosen = configure(call, *line);
    if (!chosen) return complain(chosen.error(), err);
    const auto code = run_role(*line, *chosen, out);
    return code ? static_cast<int>(*code) : complain(code.error(), err);
}

}  // namespace

auto run(const invocation& call, std::string& out, std::string& err) -> int {
    error why{errc::failed, ""};
    try {
        return run_command(call, out, err);
    } catch (const std::exception& thrown) {
        why.message = std::string{"an internal error: "} + thrown.what();
    }
    const auto words = find_words(call.args);
    if (words.command != "check") return complain(why, err);
    out.clear();
    return without_verdict(words, "", why, requested_format(call, {}), out);
}

}  // namespace powerconsul::cli

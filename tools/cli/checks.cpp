#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/checks/kinds/all.hpp>
#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/checks/run.hpp>
#include <powerconsul/checks/verdict_log.hpp>
#include <powerconsul/heal/watch.hpp>

#include "host.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::int64_t longest_noop_age = 3650;  ///< days

/// The file that a person named may be a symbolic link: what it leads to counts. Where that cannot be told, the name is
/// left as it is and looking at it will say why.
[[nodiscard]] auto noop_options_of(const config::arguments& line) -> result<noop_options> {
    noop_options options{.path = line.value("noopfile").value_or("")};
    if (const auto age = line.value("noop-max-age")) {
        if (options.path.empty()) return fail(errc::usage, "--noop-max-age needs -F/--noopfile" + see_help(line.words));
        const auto parsed = parse_long_duration(*age, longest_noop_age);
        if (!parsed) return fail(errc::usage, "--noop-max-age: " + parsed.error().message);
        options.max_age = *parsed;
    }
    if (auto real = posix_machine{}.real_path(options.path); !real.empty()) options.path = std::move(real);
    return options;
}

[[nodiscard]] auto work_filter_of(const config::arguments& line, const std::string& user) -> result<work_filter> {
    work_filter filter{line.value("procstr").value_or(""), line.value("procre").value_or(""), user,
                       line.has("containers")};
    if (!line.has("procstr") && !line.has("procre")) return filter;
    if (auto valid = validate(filter); !valid) {
        return fail(errc::usage, "-R/--procre: " + valid.error().message + see_help(line.words));
    }
    return filter;
}

/// What of this check takes libraries that are loaded when it runs; empty if nothing does.
template <typename Kind>
[[nodiscard]] auto needs_libraries(const Kind& what, const work_filter& work) -> std::string {
    bool accounts = work.names_user();
    if constexpr (requires { what.names_user(); }) accounts = accounts || what.names_user();
    if (accounts) return "looking up a user";
    if constexpr (requires { what.remote_host(); }) {
        const auto host = what.remote_host();
        if (needs_resolver(host)) return "looking up the name " + quoted(host);
    }
    return {};
}

[[nodiscard]] auto is_asked_of_systemd(const configuration& chosen) -> bool {
    posix_files files;
    const auto manager = chosen.manager ? result{*chosen.manager} : detect_service_manager(files);
    return manager && *manager == service_manager::systemd;
}

template <typename Kind>
[[nodiscard]] auto report_on(const invocation& call, const config::arguments& line, const configuration& chosen)
    -> result<check_report> {
    const auto what = Kind::from(line);
    if (auto valid = what.valid(); !valid) return unexpected{std::move(valid).error()};
    const auto service = required(line, "consulservice", "-S/--consulservice");
    if (!service) return unexpected{service.error()};
    auto noop = noop_options_of(line);
    if (!noop) return unexpected{std::move(noop).error()};
    auto work = work_filter_of(line, chosen.work_user);
    if (!work) return unexpected{std::move(work).error()};
    if constexpr (requires { what.needs_tls(); }) {
        if (call.with_tls && what.needs_tls()) return unexpected{call.with_tls()};
    }
    if (call.with_libraries) {
        const auto need = needs_libraries(what, *work);
        if (!need.empty()) return unexpected{call.with_libraries(need)};
        // Where it cannot, systemctl is asked, which is slower.
        if (Kind::words.asks_service_manager && is_asked_of_systemd(chosen)) {
            static_cast<void>(call.with_libraries("asking systemd"));
        }
    }
    posix_log silent{{}};
    auto here = make_host(chosen, silent);
    if (!here) return unexpected{std::move(here).error()};
    return checks::judge(*here, what, *service,
                         {.roles = chosen.roles,
                          .state_dir = chosen.state_dir,
                          .timeout = chosen.timeout,
                          .manager = chosen.manager,
                          .init_directory = chosen.init_directory,
                          .noop = std::move(*noop),
                          .serving = line.has("serving"),
                          .work = std::move(*work)});
}

/// What a command line asks about, whether it can be carried out or not.
[[nodiscard]] auto subject_of(const config::arguments& line) -> check_subject {
    check_subject subject{.kind = line.words.subject};
    checks::all_kinds::with(line.words.subject,
                            [&]<typename Kind>(std::type_identity<Kind>) { subject = Kind::from(line).subject(); });
    return subject;
}

[[nodiscard]] auto report_without_verdict(const config::arguments& line, const error& why) -> check_report {
    return {.subject = subject_of(line), .serving = line.has("serving"), .why = why.message, .remedy = why.remedy};
}

void print_check(check_report report, int code, output_format format, std::string& out) {
    report.why = with_remedy(std::move(report.why), report.remedy);
    out += format == output_format::text ? nagios_line(report) : json::check_line(report, code);
    out += '\n';
}

void add_note(check_report& report, std::string_view note) {
    report.why.append(report.why.empty() ? "" : "; ").append(note);
}

/// Leaves a line in the log if verdict or reason are not those of the last run of the same command line. Nothing goes
/// to stderr, which Consul keeps as a part of the check's output. A log that cannot be written is told in the reason,
/// and the line is tried again at the next run.
void log_changes(const config::arguments& line, const configuration& chosen, check_report& report) {
    const auto kind = chosen.log.target.kind;
    const auto service = line.value("consulservice");
    if (chosen.log_by_default || !service || kind == log_target_kind::none || kind == log_target_kind::standard_error) {
        return;
    }
    std::string call = line.words.subject;
    for (const auto& each : line.operands) call += '\n' + each;
    for (const auto& [name, value] : line.options) call += "\n--" + name + '=' + value;
    posix_files files;
    const auto changed = checks::keep_verdict(files, chosen.state_dir, call, report);
    std::optional<error> cause;
    if (!changed) cause = changed.error();
    if (changed && *changed) {
        log_options options = chosen.log;
        options.command = "check";
        options.file = report.subject.kind + '.' + *service;
        posix_log log{std::move(options)};
        log.write(checks::verdict_event(report, *service));
        cause = log.cause();
        if (cause) static_cast<void>(files.remove(checks::verdict_file(chosen.state_dir, call)));
    }
    if (cause) add_note(report, "the check's log is not written: " + cause->message);
}

/// What a check says when its time is over.
[[nodiscard]] auto last_word_of_check(const config::arguments& line, const config::requested& asked) -> last_word {
    const auto limit = asked.timeout;
    const std::string time =
        limit.count % 1000 == 0 ? std::to_string(limit.count / 1000) + " s" : std::to_string(limit.count) + " ms";
    last_word word{limit, {}, asked.unknown_exit};
    without_verdict(line, {errc::timed_out, "the check did not end within " + time}, asked, word.out);
    return word;
}

}  // namespace

auto without_verdict(const config::arguments& line, const error& why, const config::requested& asked, std::string& out)
    -> int {
    print_check(report_without_verdict(line, why), asked.unknown_exit, asked.format, out);
    return asked.unknown_exit;
}

auto run_check(const invocation& call, const config::arguments& line, std::string& out) -> int {
    // Before any file is read, and once all is known. A time below a second is refused once all is understood.
    auto asked = config::requested_limits(call, line);
    if (asked.timeout < seconds(1)) asked.timeout = seconds(1);
    if (call.limit) call.limit(last_word_of_check(line, asked));
    const auto chosen = configure(call, line, config::unknown_keys::ignored);
    if (!chosen) return without_verdict(line, chosen.error(), asked, out);
    const config::requested now{chosen->timeout, chosen->unknown_exit, chosen->format};
    if (call.limit) call.limit(last_word_of_check(line, now));
    result<check_report> judged = fail(errc::usage, "there is no such check");
    checks::all_kinds::with(line.words.subject, [&]<typename Kind>(std::type_identity<Kind>) {
        judged = report_on<Kind>(call, line, *chosen);
    });
    auto report = judged ? std::move(*judged) : report_without_verdict(line, judged.error());
    report.why = with_remedy(std::move(report.why), std::exchange(report.remedy, {}));
    if (const auto service = line.value("consulservice");
        service && (report.state == verdict::warning || report.state == verdict::critical)) {
        posix_files files;
        const auto note = heal::given_up_note(files, chosen->state_dir, *service);
        if (!note.empty()) add_note(report, note);
    }
    for (const auto& note : chosen->notes) add_note(report, note);
    if (line.has("updatekv")) add_note(report, "-U/--updatekv changes nothing, the roles stay as the document says");
    const int code = exit_status(report.state, now.unknown_exit);
    if (call.limit && !chosen->log_by_default) {
        // However long the log takes, the verdict stands.
        last_word word{now.timeout, {}, code};
        print_check(report, code, now.format, word.out);
        call.limit(std::move(word));
    }
    log_changes(line, *chosen, report);
    print_check(std::move(report), code, now.format, out);
    return code;
}

auto validate_check(const config::arguments& line) -> result<void> {
    result<void> valid;
    checks::all_kinds::with(line.words.subject,
                            [&]<typename Kind>(std::type_identity<Kind>) { valid = Kind::from(line).valid(); });
    return valid;
}

}  // namespace powerconsul::cli

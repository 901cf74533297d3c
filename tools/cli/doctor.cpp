#include "doctor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/config/settings.hpp>
#include <powerconsul/consul/address.hpp>
#include <powerconsul/consul/checks_json.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/doctor/agent_config_json.hpp>
#include <powerconsul/doctor/agent_files.hpp>
#include <powerconsul/doctor/findings.hpp>
#include <powerconsul/heal/watch.hpp>
#include <powerconsul/doctor/least_rights.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/ports/trust.hpp>
#include <powerconsul/probes/plugin.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

#include "checks.hpp"
#include "roles.hpp"

namespace powerconsul::cli {

namespace {

using client = consul_client<any_transport&, posix_clock&>;

constexpr std::size_t most_records = 100'000;

/// A check of the agent that calls powerconsul, with what that call comes down to.
struct examined_check {
    called_check facts{};
    std::string registered{};  ///< the service that it is a check of
    std::string service{};     ///< -S
    std::string subject{};
    std::optional<config::arguments> line{};
    std::optional<configuration> chosen{};
};

/// A Consul service, and the configuration of the check that names it.
struct examined_service {
    std::string name{};
    configuration chosen{};
};

struct patient {
    const invocation& call;
    const configuration& chosen;
    posix_clock time{};
    posix_files files{};
    posix_machine machine{};
    result<agent_config> agent{agent_config{}};
    result<agent_process> process{agent_process{}};
    result<agent_files> definitions{agent_files{}};          ///< from the agent's files
    std::optional<std::vector<configured_check>> defined{};  ///< from there, or else as the agent had them at its start
    std::string node{};                                      ///< the agent's name, or what is taken for it
    std::vector<examined_check> checks{};
    std::vector<examined_service> services{};
    std::vector<finding> findings{};

    void add(finding next) { findings.push_back(std::move(next)); }
    void add(std::string point, condition state, std::string what, std::string mend = {}) {
        findings.push_back({std::move(point), state, std::move(what), std::move(mend)});
    }
};

[[nodiscard]] auto counted(std::size_t count, std::string_view what) -> std::string {
    return std::to_string(count) + ' ' + std::string{what} + (count == 1 ? "" : "s");
}

// Consul

[[nodiscard]] auto ask(const patient& who, any_transport& transport, const std::string& path) -> result<http_response> {
    return transport.perform({http_method::get, path, {}, shorter({who.chosen.timeout.count * 5 / 8}, seconds(5))});
}

[[nodiscard]] auto ask_agent(patient& who, any_transport& transport, client& consul) -> result<agent_config> {
    const auto answer = ask(who, transport, "/v1/agent/self");
    if (!answer) return unexpected{answer.error()};
    if (answer->status == 200) {
        auto read = json::decode_agent_config(answer->body);
        return read ? std::move(read) : detail::undecoded("/v1/agent/self", *answer, read.error());
    }
    if (answer->status != 403) {
        const auto why = consul.agent();
        return why ? fail(errc::bad_data, "Consul answers " + std::to_string(answer->status) + " to /v1/agent/self")
                   : unexpected{why.error()};
    }
    if (const auto checks = consul.agent_checks(); checks) {
        for (const auto& each : *checks) {
            if (!each.node.empty()) who.node = each.node;
        }
    }
    return fail(errc::denied, "Consul answers 403 to /v1/agent/self" + detail::known_complaint(answer->body) +
                                  "; the token needs " + to_string(acl_right{acl_resource::agent, who.node}));
}

[[nodiscard]] auto ask_leader(const patient& who, any_transport& transport) -> result<std::string> {
    const auto answer = ask(who, transport, "/v1/status/leader");
    if (!answer) return unexpected{answer.error()};
    const auto text = answer->status == 200 ? json::parse(answer->body) : result<json::value>{json::value{}};
    if (answer->status >= 500) {
        return fail(errc::failed, "Consul answers " + std::to_string(answer->status) + " to /v1/status/leader" +
                                      detail::known_complaint(answer->body));
    }
    if (!text || !text->is(json::kind::string)) {
        return fail(errc::bad_data, "the answer to /v1/status/leader is " + std::to_string(answer->status) +
                                        (answer->status == 200 ? " and not a name" : ""));
    }
    return text->text;
}

void look_at_connection(patient& who) {
    const auto& access = who.chosen.consul;
    if (!who.chosen.store.empty())
        return who.add("connection", condition::ok, "a store file answers: " + who.chosen.store);
    const auto where = parse_address(access.address);
    if (!where) return who.add("connection", condition::error, where.error().message, "set --http-addr");
    const std::string token = access.token.empty() ? "without a token, so that the agent's default token counts"
                                                   : "with the token of " + who.chosen.token_source;
    const bool tls = where->scheme == address_scheme::https;
    const bool near = where->scheme == address_scheme::unix_socket || where->host.starts_with("127.") ||
                      where->host == "::1" || where->host == "localhost";
    if (tls && !access.verify) {
        return who.add("connection", condition::warning,
                       "the certificate is not verified: anybody may answer, and read the token",
                       "name the authority with --ca-file, and unset CONSUL_HTTP_SSL_VERIFY");
    }
    if (!tls && !near) {
        return who.add("connection", condition::warning,
                       access.address + " is another machine, without TLS: the token can be read on the way",
                       "ask the local agent, or use https://");
    }
    who.add("connection", condition::ok, (tls ? "with TLS, " : "") + token);
}

// The agent's checks, and the services that they are about

[[nodiscard]] auto examine(const patient& who, const configured_check& from) -> std::optional<examined_check> {
    const auto found = find_call(who.machine, from.words);
    if (!found) return std::nullopt;
    examined_check next;
    next.facts.id = from.id;
    next.facts.timeout = from.timeout;
    next.registered = from.service;
    next.facts.trouble = found->trouble;
    if (!next.facts.trouble.empty()) return next;
    auto line = parse_command_line(found->args);
    if (!line) {
        if (find_words(found->args).command != "check") return std::nullopt;
        next.facts.trouble = line.error().message;
        return next;
    }
    if (line->words.command != "check") return std::nullopt;
    invocation call;
    call.args = found->args;
    call.environment = who.call.environment;
    call.host = who.call.host;
    for (const auto& [name, value] : found->variables) call.environment.insert_or_assign(name, value);
    auto chosen = configure(call, *line);
    next.service = line->value("consulservice").value_or("");
    next.subject = line->words.subject;
    next.line = std::move(*line);
    if (!chosen) {
        next.facts.trouble = chosen.error().message;
        return next;
    }
    next.facts.own_timeout = chosen->timeout;
    if (const auto valid = validate_check(*next.line); !valid) next.facts.trouble = valid.error().message;
    if (next.service.empty()) next.facts.trouble = "the option -S/--consulservice is missing";
    next.chosen = std::move(*chosen);
    return next;
}

void find_checks(patient& who, const std::string& only) {
    if (who.definitions) {
        who.defined = who.definitions->checks;
    } else if (who.agent && who.agent->checks && !who.agent->checks->empty()) {
        who.defined = who.agent->checks;  // that there were none at its start says nothing of now
    }
    if (!who.defined) return;
    for (const auto& each : *who.defined) {
        auto next = examine(who, each);
        if (next && (only.empty() || next->service == only || next->service.empty()))
            who.checks.push_back(std::move(*next));
    }
}

/// Services by name. A check that was registered through the API does not show its command line, but its output.
void find_services(patient& who, client& consul, const std::string& only) {
    const auto known = [&](const std::string& name) {
        return std::ranges::any_of(who.services, [&](const auto& each) { return each.name == name; });
    };
    for (const auto& each : who.checks) {
        if (each.chosen && !each.service.empty() && !known(each.service))
            who.services.push_back({each.service, *each.chosen});
    }
    if (const auto checks = consul.agent_checks(); checks && only.empty()) {
        for (const auto& each : *checks) {
            const auto line = json::parse(each.output);
            const bool ours = line && line->find("expects") != nullptr && line->find("clustered") != nullptr;
            if (ours && !each.service_name.empty() && !known(each.service_name)) {
                who.services.push_back({each.service_name, who.chosen});
            }
        }
    }
    if (!only.empty() && !known(only)) who.services.push_back({only, who.chosen});
    std::ranges::sort(who.services, {}, &examined_service::name);
}

[[nodiscard]] auto rights_of(client& consul, const needed_rights& needed) -> rights_facts {
    std::vector<acl_right> asked;
    const bool all = needed.facts.state != document_state::unread;
    for (const auto& each : needed.rules) {
        // What else is needed follows from the document.
        const bool certain = !each.right.prefix && std::ranges::find(each.commands, "check") != each.commands.end();
        const bool here = each.commands != std::vector<std::string>{"lint"};  // which need not be run here
        if ((all || certain) && here) asked.push_back(each.right);
    }
    rights_facts facts{asked.size(), consul.missing_rights(asked, {}), {}};
    if (!facts.missing || !facts.missing->empty() || needed.facts.group.by != grouping::datacenters) return facts;
    // The actives are elsewhere, and so is what hides them.
    std::erase_if(asked, [](const auto& each) { return !each.prefix && each.resource != acl_resource::service; });
    for (const auto& each : needed.facts.group.active) {
        facts.missing = consul.missing_rights(asked, each);
        facts.elsewhere = each;
        if (!facts.missing || !facts.missing->empty()) break;
    }
    return facts;
}

/// Role and rights of one service; the name under which its document lists this node.
[[nodiscard]] auto look_at_service(patient& who, const examined_service& service) -> std::string {
    const std::string point = "role " + service.name;
    configuration chosen = service.chosen;
    chosen.roles.max_age = {};  // nothing older counts, and nothing is written by a user who may not be the agent's
    const auto facts = resolve(chosen, service.name, who.time);
    if (!facts) {
        who.add(point, condition::error, facts.error().message);
        return {};
    }
    const bool known = facts->own != role::unknown && facts->expects != expectation::unknown;
    const std::string text = std::string{to_string(facts->own)} + ", expects " +
                             std::string{to_string(facts->expects)} + ": " + facts->reason;
    const bool bad = facts->trouble && (facts->trouble->code == errc::denied || facts->trouble->code == errc::bad_data);
    if (known && facts->from == basis::fresh) {
        who.add(point, condition::ok, text);
    } else {
        who.add(point, bad ? condition::error : condition::unknown, text,
                facts->trouble && facts->trouble->code == errc::denied ? "see the line below"
                                                                       : "see powerconsul lint -S " + service.name);
    }
    auto transport = make_transport(service.chosen);
    if (!transport) {
        who.add("rights " + service.name, condition::unknown, transport.error().message);
        return facts->place.node;
    }
    client asked{*transport, who.time, who.time.monotonic() + milliseconds{service.chosen.timeout.count / 4}};
    auto needed = find_needed_rights(asked, *facts, service.chosen.roles, service.chosen.watch.triggers, service.name);
    if (!needed) {
        who.add("rights " + service.name, condition::unknown, needed.error().message);
    } else if (!service.chosen.store.empty()) {
        who.add("rights " + service.name, condition::ok, "a store file asks for none");
    } else {
        client consul{*transport, who.time, who.time.monotonic() + milliseconds{service.chosen.timeout.count * 5 / 8}};
        who.add(judge_rights(service.name, rights_of(consul, *needed)));
    }
    return facts->place.node;
}

// This machine

/// Files as another user finds them: the agent's, who runs the checks.
struct files_of_user : posix_files {
    std::uint32_t id{};
    [[nodiscard]] auto user() const noexcept -> std::uint32_t { return id; }
};

/// The kernel tells it of this user only; of another one, owner and mode do. Root may write anywhere.
[[nodiscard]] auto can_write(files_of_user& files, const std::string& path) -> bool {
    if (files.id == geteuid()) return faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
    const auto seen = files.status(path);
    if (files.id == 0 || !seen || !*seen) return files.id == 0;
    return (*seen)->uid == files.id ? ((*seen)->mode & 0300U) == 0300U : ((*seen)->mode & 0003U) == 0003U;
}

[[nodiscard]] auto directory_facts_of(const patient& who) -> directory_facts {
    files_of_user files;
    files.id = who.process ? who.process->user : geteuid();
    const std::string& path = who.chosen.state_dir;
    directory_facts facts{.path = path, .trusted = trusted_directory(files, path)};
    if (!facts.trusted) return facts;
    const auto above = path.rfind('/', path.find_last_not_of('/'));
    const std::string looked = *facts.trusted ? path : above == std::string::npos ? "." : path.substr(0, above + 1);
    facts.writable = can_write(files, looked);
    struct statvfs room {};
    if (statvfs(looked.c_str(), &room) == 0) {
        facts.free_bytes = std::uint64_t{room.f_bavail} * room.f_frsize;
        if (room.f_files > 0) facts.free_files = room.f_favail;
    }
    return facts;
}

[[nodiscard]] auto record_from_future(patient& who, milliseconds now) -> std::string {
    for (const std::string_view folder : {"/last-known", "/journal"}) {
        const std::string path = who.chosen.state_dir + std::string{folder};
        auto names = who.files.list(path, most_records);
        if (!names || !*names) continue;
        std::ranges::sort(**names);
        for (const auto& each : **names) {
            const auto seen = who.files.status(path + '/' + each);
            if (seen && *seen && (*seen)->modified > now.count / 1000 + 60) return path + '/' + each;
        }
    }
    return {};
}

[[nodiscard]] auto clock_is_synchronized() -> std::optional<bool> {
    timex asked{};
    const int state = adjtimex(&asked);
    if (state < 0) return std::nullopt;
    return state != TIME_ERROR && (asked.status & STA_UNSYNC) == 0;
}

[[nodiscard]] auto uses(const patient& who, std::string_view option) -> bool {
    return std::ranges::any_of(who.checks, [&](const auto& each) { return each.line && each.line->has(option); });
}

void look_at_service_manager(patient& who) {
    const bool needed = std::ranges::any_of(
        who.checks, [](const auto& each) { return each.subject == "service" || each.subject == "servicegroup"; });
    constexpr std::string_view point = "service manager";
    const auto manager = who.chosen.manager ? result{*who.chosen.manager} : detect_service_manager(who.files);
    if (manager) return who.add(std::string{point}, condition::ok, std::string{to_string(*manager)});
    if (who.defined && !needed)
        return who.add(std::string{point}, condition::ok, "none was found, and no check needs one");
    // Each check may name its own.
    for (const auto& each : who.checks) {
        if (each.chosen && each.chosen->manager) {
            return who.add(std::string{point}, condition::ok,
                           "the checks name " + std::string{to_string(*each.chosen->manager)});
        }
    }
    who.add(std::string{point}, needed ? condition::error : condition::unknown, manager.error().message);
}

void look_at_plugin(patient& who) {
    constexpr std::string_view point = "plugin";
    if (!uses(who, "nagiosargs")) {
        const bool shown = who.defined.has_value();
        return who.add(std::string{point}, shown ? condition::ok : condition::unknown,
                       shown ? "no check needs check_procs" : "whether a check needs check_procs is not known");
    }
    std::vector<std::string> seen;
    for (const auto& each : who.checks) {
        if (!each.line || !each.line->has("nagiosargs")) continue;
        std::string path = each.line->value("plugin").value_or("");
        if (path.empty()) {
            const auto found = find_plugin(who.files, "check_procs");
            if (!found) return who.add(std::string{point}, condition::error, found.error().message);
            path = *found;
        }
        if (access(path.c_str(), X_OK) != 0) {
            return who.add(std::string{point}, condition::error, path + " is not there or cannot be executed",
                           "install monitoring-plugins-basic (Debian), or correct --plugin of check " + each.facts.id);
        }
        if (std::ranges::find(seen, path) == seen.end()) seen.push_back(path);
    }
    who.add(std::string{point}, condition::ok, listed(seen));
}

[[nodiscard]] auto noop_facts_of(const patient& who, const config::arguments& line) -> noop_facts {
    noop_facts facts{.path = line.value("noopfile").value_or("")};
    if (const auto age = line.value("noop-max-age")) {
        if (const auto parsed = parse_long_duration(*age, 3650); parsed) facts.max_age = *parsed;
    }
    char resolved[PATH_MAX];
    const std::string path = realpath(facts.path.c_str(), resolved) != nullptr ? resolved : facts.path;
    const auto seen = who.files.status(path);
    if (!seen) {
        facts.age = unexpected{seen.error()};
    } else if (*seen && (*seen)->kind == file_kind::regular) {
        facts.age = std::optional{milliseconds{who.time.wall().count - (*seen)->modified * 1000}};
    }
    return facts;
}

void look_at_machine(patient& who) {
    who.add(judge_state_directory(directory_facts_of(who)));
    look_at_service_manager(who);
    look_at_plugin(who);
    const milliseconds now = who.time.wall();
    who.add(judge_clock({now, clock_is_synchronized(), record_from_future(who, now)}));
    const std::string stopped = heal::stop_reason(posix_files{}, who.chosen.stop_file);
    who.add("stop file", stopped.empty() ? condition::ok : condition::warning,
            stopped.empty() ? who.chosen.stop_file + " is not there" : stopped);
    if (!who.defined) {
        return who.add("noop file", condition::unknown, "the agent's checks are not known", "look at each -F");
    }
    std::vector<noop_facts> files;
    for (const auto& each : who.checks) {
        if (each.line && each.line->has("noopfile")) files.push_back(noop_facts_of(who, *each.line));
    }
    for (auto& each : judge_noop_files(files)) who.add(std::move(each));
}

void look_at_files(patient& who) {
    constexpr std::string_view point = "agent's files";
    if (who.definitions) {
        return who.add(std::string{point}, condition::ok,
                       counted(who.process->files.size(), "file") + " of process " + std::to_string(who.process->pid));
    }
    who.add(
        std::string{point}, condition::unknown,
        who.definitions.error().message + (who.defined ? "; its checks are shown as they were when it started" : ""),
        "run doctor on the agent's machine, by a user who may read them");
}

/// What stands in a file counts only once the agent has read it.
void note_unread_checks(patient& who, client& consul) {
    const auto live = consul.agent_checks();
    if (!live) return;
    for (auto& each : who.checks) {
        if (!each.facts.trouble.empty() || each.service.empty()) continue;
        if (std::ranges::find(*live, each.facts.id, &snapshot_check::check_id) != live->end()) continue;
        const auto hidden = consul.missing_rights({{acl_resource::service, each.registered}}, {});
        if (hidden && hidden->empty())
            each.facts.trouble = "the agent does not have this check of its files; consul reload";
    }
}

void look_at_agent(patient& who) {
    look_at_files(who);
    who.add(judge_script_checks(who.agent));
    std::optional<std::vector<called_check>> called;
    if (who.defined) {
        called.emplace();
        for (const auto& each : who.checks) called->push_back(each.facts);
    }
    for (auto& each : judge_checks(called)) who.add(std::move(each));
    result<std::vector<watch_handler>> handlers = fail(errc::unavailable, "it stands in the agent's files alone");
    if (who.definitions) handlers = who.definitions->handlers;
    for (const bad_state state : {bad_state::critical, bad_state::warning}) who.add(judge_watch(state, handlers));
}

void look_at_everything(patient& who, any_transport& transport, const std::string& only) {
    client consul{transport, who.time, who.time.monotonic() + who.chosen.timeout};
    who.node = who.chosen.roles.who.node.empty() ? who.call.host : who.chosen.roles.who.node;
    who.agent = ask_agent(who, transport, consul);
    const bool away = !who.agent && who.agent.error().code != errc::denied;
    if (who.agent) who.node = who.agent->node;
    who.process = find_agent_process(who.files, who.machine, who.agent ? *who.agent : agent_config{});
    who.definitions = who.process ? read_agent_files(who.files, who.machine, *who.process, parse_command_line)
                                  : result<agent_files>{unexpected{who.process.error()}};
    const std::string address = who.chosen.store.empty() ? who.chosen.consul.address : who.chosen.store;
    who.add(judge_agent(address, who.agent));
    look_at_connection(who);
    const error not_asked{errc::unavailable, "it was not asked, since the agent does not answer"};
    who.add(judge_leader(away ? result<std::string>{unexpected{not_asked}} : ask_leader(who, transport)));
    find_checks(who, only);
    if (away) {
        for (const std::string point : {"node name", "services"}) who.add(could_not_look(point, not_asked));
    } else {
        find_services(who, consul, only);
        note_unread_checks(who, consul);
        node_names names{who.call.host, who.chosen.roles.who.node, who.agent ? who.agent->node : "", {}};
        const std::size_t at = who.findings.size();
        for (const auto& each : who.services) {
            if (auto name = look_at_service(who, each); !name.empty())
                names.listed.emplace_back(each.name, std::move(name));
        }
        who.findings.insert(who.findings.begin() + static_cast<std::ptrdiff_t>(at), judge_names(names));
        if (who.services.empty()) {
            who.add("services", who.agent ? condition::warning : condition::unknown,
                    "no service is known that powerconsul checks here", "name one with -S");
        }
    }
    look_at_agent(who);
    look_at_machine(who);
}

// Output

[[nodiscard]] auto count_of(const std::vector<finding>& all, condition state) -> std::size_t {
    return static_cast<std::size_t>(std::ranges::count(all, state, &finding::state));
}

void print_text(const std::vector<finding>& all, std::string& out) {
    std::size_t widest = 0;
    for (const auto& each : all) widest = std::max(widest, each.point.size());
    const auto padded = [](std::string_view text, std::size_t width) {
        return std::string{text} + std::string(width - std::min(width, text.size()) + 2, ' ');
    };
    for (const auto& each : all) {
        out += padded(to_string(each.state), 7) + padded(one_line(each.point, 200), widest) +
               one_line(each.what, 2000) + (each.mend.empty() ? "" : "; " + one_line(each.mend, 500)) + '\n';
    }
    out += counted(count_of(all, condition::error), "error") + ", " +
           counted(count_of(all, condition::warning), "warning") + ", " +
           std::to_string(count_of(all, condition::unknown)) + " unknown\n";
}

void print_json(const std::vector<finding>& all, std::string& out) {
    json::writer text;
    text.open_object().key("findings").open_array();
    for (const auto& each : all) {
        text.open_object();
        text.key("point").string(one_line(each.point, 200)).key("state").string(to_string(each.state));
        text.key("what").string(one_line(each.what, 2000));
        if (!each.mend.empty()) text.key("mend").string(one_line(each.mend, 500));
        text.close_object();
    }
    text.close_array();
    for (const auto& [name, state] : {std::pair{"errors", condition::error}, std::pair{"warnings", condition::warning},
                                      std::pair{"unknown", condition::unknown}}) {
        text.key(name).number(std::uint64_t{count_of(all, state)});
    }
    text.key("code").number(std::int64_t{exit_status(all)});
    out += text.close_object().text() + '\n';
}

}  // namespace

auto run_doctor(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out)
    -> result<int> {
    const std::string only = line.value("consulservice").value_or("");
    if (!only.empty()) {
        if (auto valid = validate_segment("the Consul service name", only); !valid) return unexpected{valid.error()};
    }
    auto transport = make_transport(chosen);
    if (!transport) return unexpected{std::move(transport).error()};
    patient who{call, chosen};
    look_at_everything(who, *transport, only);
    if (line.has("json") || chosen.format == output_format::json) {
        print_json(who.findings, out);
    } else {
        print_text(who.findings, out);
    }
    return exit_status(who.findings);
}

}  // namespace powerconsul::cli

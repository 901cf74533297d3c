#include "command_line.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#define CXXOPTS_NO_REGEX
#include <cxxopts.hpp>

#include <powerconsul/core/text.hpp>

namespace powerconsul::cli {

namespace {

struct option_row {
    char letter{};
    std::string_view name{};
    std::string_view value{};  ///< what the help calls the value; empty for a flag
    std::string_view help{};
};

struct command_row {
    std::string_view command{};
    std::string_view subject{};
    std::string_view summary{};
    std::span<const option_row> options{};
    std::span<const option_row> shared{};  ///< the options that it shares with other subjects
    std::string_view required{};           ///< the options that must be there, for the usage line
    std::string_view example{};
};

constexpr auto global_options = std::to_array<option_row>({
    {0, "http-addr", "ADDRESS",
     "Consul agent: host:port, http://…, https://… or unix:///path (default 127.0.0.1:8500)"},
    {0, "token-file", "FILE", "file with the ACL token, which only its owner may read"},
    {0, "http-auth-file", "FILE", "file with user:password for a proxy in front of Consul"},
    {0, "http-ssl", "true|false", "https also for an address that says http:// or nothing (default false)"},
    {0, "http-ssl-verify", "true|false", "whether the agent's certificate is verified (default true)"},
    {0, "ca-file", "FILE", "certificate authorities, in PEM form (default: the system's)"},
    {0, "ca-path", "DIR", "the same in the files of a directory; --ca-file wins"},
    {0, "client-cert", "FILE", "certificate to show to the agent; needs --client-key"},
    {0, "client-key", "FILE", "its key, which only its owner may read"},
    {0, "tls-server-name", "NAME", "the name to expect in the agent's certificate (default: the address's host)"},
    {0, "namespace", "NAME", "namespace of Consul Enterprise"},
    {0, "partition", "NAME", "partition of Consul Enterprise"},
    {0, "store", "FILE", "answer from this JSON file instead of a Consul agent"},
    {0, "datacenter", "NAME", "this node's datacenter (default: the agent's)"},
    {0, "node", "NAME", "this node's name in cluster documents (default: the host name, then the agent's name)"},
    {0, "environment", "NAME", "environment (default: the host name up to its first '-')"},
    {0, "server-role", "NAME", "server role (default: the rest of the host name without its trailing digits)"},
    {0, "config", "FILE", "configuration (default: ~/.powerconsul.conf, then /etc/powerconsul.conf)"},
    {0, "state-dir", "DIR", "where the last known roles are kept (default /var/lib/powerconsul)"},
    {0, "timeout", "TIME", "for the whole command, as in 8s or 500ms (default 8s)"},
    {0, "max-age", "TIME", "how long a last known role may be used while Consul is away (default 60s, 0: never)"},
    {0, "max-stale", "TIME", "how old an answer may be that is not the leader's (default 10s, 0: never used)"},
    {0, "consistent", "", "ask the leader alone, once most servers have confirmed that it is"},
    {0, "health-cache", "", "take the health of peers from the agent's cache, up to an age of --max-stale"},
    {0, "format", "json|text", "output format (default: json for check, text for role)"},
    {0, "version", "", "print the version"},
    {'h', "help", "", "print this help"},
});

constexpr auto check_options = std::to_array<option_row>({
    {'S', "consulservice", "NAME", "the Consul service"},
    {'P', "procstr", "TEXT", "a process with this text in its command line counts as the service running"},
    {'R', "procre", "REGEX", "the same with a POSIX extended regular expression"},
    {'F', "noopfile", "FILE", "passing whatever is expected while this file exists"},
    {0, "noop-max-age", "TIME", "how old that file may become, as in 2h or 30m (default: any age)"},
    {0, "unknown-exit", "1|2|3", "exit status when the verdict is unknown (default 1)"},
});

constexpr option_row service_manager_option{0, "service-manager", "NAME",
                                            "systemd, sysv or openrc (default: what this machine runs)"};
constexpr option_row init_directory_option{0, "init-directory", "DIR",
                                           "where init scripts stand (default /etc/init.d)"};
constexpr option_row plugin_option{0, "plugin", "FILE",
                                   "the check_procs to run (default: looked for where packages put Nagios plugins)"};

constexpr auto check_service_options = std::to_array<option_row>({
    {'s', "service", "NAME", "the local service, as the service manager calls it"},
    service_manager_option,
    init_directory_option,
});

constexpr auto check_servicegroup_options = std::to_array<option_row>({
    {'s', "service", "NAME,NAME,…", "the local services: all must run, or none may"},
    service_manager_option,
    init_directory_option,
});

constexpr auto check_crontab_options = std::to_array<option_row>({
    {'u', "user", "NAME", "whose crontab must be in place"},
    {'p', "pattern", "TEXT", "a line that is no comment must contain this text"},
    {0, "crontab-dir", "DIR", "where crontabs stand (default /var/spool/cron/crontabs)"},
    {'n', "nagiosargs", "ARGS", "without -u: check processes, as check process -n does"},
    plugin_option,
});

constexpr auto check_process_options = std::to_array<option_row>({
    {'n', "nagiosargs", "ARGS", "run Nagios's check_procs with these arguments"},
    plugin_option,
    {0, "name", "NAME", "count the processes of this name, without a plugin"},
    {0, "cmdline", "REGEX", "count those whose command line matches this POSIX extended regular expression"},
    {'u', "user", "NAME", "count those of this user (name or number)"},
    {0, "count", "MIN:MAX", "how many there must be, as in 1:4 or 2: (default 1:)"},
});

constexpr auto role_options = std::to_array<option_row>({
    {'S', "consulservice", "NAME", "the Consul service"},
    {0, "explain", "", "print every fact behind it and where it comes from, and the triggers that would run"},
});

constexpr auto acting_options = std::to_array<option_row>({
    {0, "dry-run", "", "do nothing, but print what would be done and why the rest would not"},
    {0, "stop-file", "FILE", "nothing acts while this file exists (default /etc/powerconsul.stop)"},
    {0, "log", "WHERE", "stderr, syslog, none, a file, or a directory with a / at its end (default stderr)"},
    {0, "log-format", "logfmt|json", "one line for each event (default logfmt)"},
    {0, "log-level", "LEVEL", "error, warning, info or debug (default info)"},
});

constexpr auto watch_options_rows = std::to_array<option_row>({
    {0, "detach", "", "return at once; a worker goes on, and tries again until the incidents are over"},
    {0, "from-agent", "", "take the checks from the local agent instead of standard input: for a timer"},
});

constexpr auto trigger_options_rows = std::to_array<option_row>({
    {'s', "service", "JSON|-", "the check, as Consul gives it to a watch; - reads it from standard input"},
});

constexpr auto acl_policy_options = std::to_array<option_row>({
    {'S', "consulservice", "NAME", "the Consul service"},
    {0, "for", "COMMAND", "only what check, role, watch, trigger, lint or doctor needs (default all)"},
});

constexpr auto doctor_options = std::to_array<option_row>({
    {'S', "consulservice", "NAME",
     "only this Consul service (default: all that the agent's checks ask powerconsul for)"},
    {0, "json", "", "as JSON"},
    {0, "stop-file", "FILE", "the file that stops all actions (default /etc/powerconsul.stop)"},
});

constexpr auto incidents_options = std::to_array<option_row>({
    {0, "json", "", "as JSON"},
    {0, "stop-file", "FILE", "the file that stops all actions (default /etc/powerconsul.stop)"},
});

constexpr auto lint_options = std::to_array<option_row>({
    {'S', "consulservice", "NAME", "what Consul's KV store holds for this service"},
    {0, "all", "", "everything that it holds below clusterKey and triggerKey"},
    {0, "as", "KIND", "what the files are: document, trigger or configuration (default: as each tells itself)"},
});

/// The last argument of a command may be several of these.
constexpr std::string_view files_argument = "(<file>… | - | -S <Consul service> | --all)";

// One row each.
// clang-format off
constexpr auto commands = std::to_array<command_row>({
    {"check", "service", "is the local service as its role demands", check_service_options, check_options,
     "-s <local service> -S <Consul service>", "powerconsul check service -s apache2 -S apacheWebService"},
    {"check", "servicegroup", "are several local services as their role demands", check_servicegroup_options,
     check_options, "-s <local service>,… -S <Consul service>",
     "powerconsul check servicegroup -s apache2,php-fpm -S apacheWebService"},
    {"check", "crontab", "is a user's crontab in place as its role demands", check_crontab_options, check_options,
     "(-u <user> | -n '<check_procs arguments>') -S <Consul service>",
     "powerconsul check crontab -u deploy -S deployCrontab -p rotate.sh"},
    {"check", "process", "do processes run as their role demands", check_process_options, check_options,
     "(-n '<check_procs arguments>' | --name <name>) -S <Consul service>",
     "powerconsul check process -n '-c 1:1 -C cron' -S cronService"},
    {"watch", "warning", "handler of a watch on checks: heal what is in the state warning", watch_options_rows,
     acting_options, "", "powerconsul watch warning < checks.json"},
    {"watch", "critical", "handler of a watch on checks: heal what is in the state critical", watch_options_rows,
     acting_options, "", "powerconsul watch critical < checks.json"},
    {"trigger", "warning", "run the trigger for one check in the state warning", trigger_options_rows, acting_options,
     "-s '<check JSON>'", "powerconsul trigger warning -s '{\"ServiceName\": \"apacheWebService\"}'"},
    {"trigger", "critical", "run the trigger for one check in the state critical", trigger_options_rows, acting_options,
     "-s '<check JSON>'", "powerconsul trigger critical -s '{\"ServiceName\": \"apacheWebService\"}'"},
    {"incidents",
     "",
     "print open and recent incidents and what was done about them",
     incidents_options,
     {},
     "",
     "powerconsul incidents"},
    {"incidents",
     "ack",
     "let a service's incident that was given up be tried again",
     incidents_options,
     {},
     "<service>",
     "powerconsul incidents ack apacheWebService"},
    {"lint",
     "",
     "look for mistakes in cluster documents, triggers and configurations, from files or Consul's KV store",
     lint_options,
     {},
     files_argument,
     "powerconsul lint cluster/production/*.json"},
    {"role",
     "",
     "print this node's role for a service, what it expects, and why",
     role_options,
     {},
     "-S <Consul service>",
     "powerconsul role -S apacheWebService"},
    {"acl-policy", "", "print the least ACL policy with which powerconsul works on this node for a service",
     acl_policy_options, {}, "-S <Consul service>", "powerconsul acl-policy -S apacheWebService"},
    {"doctor", "", "look at agent, rights, checks and watches of this node, and say what is wrong and how to mend it",
     doctor_options, {}, "", "powerconsul doctor"},
});
// clang-format on

[[nodiscard]] auto any_option(const command_row& row, const auto& matches) -> bool {
    return std::ranges::any_of(row.options, matches) || std::ranges::any_of(row.shared, matches);
}

[[nodiscard]] auto is_command(std::string_view word) -> bool {
    return std::ranges::any_of(commands, [&](const auto& row) { return row.command == word; });
}

[[nodiscard]] auto find_command(const config::command_words& words) -> const command_row* {
    for (const auto& row : commands) {
        if (row.command == words.command && row.subject == words.subject) return &row;
    }
    return nullptr;
}

/// What other programs take a secret by. Here none comes by the command line, where every user of the machine sees it.
struct secret_row {
    std::string_view name{};
    std::string_view instead{};
};
constexpr auto secret_options = std::to_array<secret_row>({
    {"token", "--token-file or CONSUL_HTTP_TOKEN"},
    {"http-auth", "--http-auth-file or CONSUL_HTTP_AUTH"},
});

/// The row of `--token`, `-token` (as Consul's own program has it) or `--token=…`.
[[nodiscard]] auto find_secret(std::string_view argument) -> const secret_row* {
    if (!argument.starts_with('-')) return nullptr;
    argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
    const auto name = argument.substr(0, argument.find('='));
    const auto* const found = std::ranges::find(secret_options, name, &secret_row::name);
    return found == secret_options.end() ? nullptr : found;
}

/// Whether an argument is an option whose value is the next argument.
[[nodiscard]] auto takes_next(std::string_view argument) -> bool {
    const auto matches = [&](const option_row& row) {
        if (row.value.empty()) return false;
        if (argument.starts_with("--")) return argument.substr(2) == row.name;
        return row.letter != 0 && argument.size() == 2 && argument[1] == row.letter;
    };
    if (find_secret(argument) != nullptr) return argument.find('=') == std::string_view::npos;
    if (std::ranges::any_of(global_options, matches)) return true;
    return std::ranges::any_of(commands, [&](const auto& row) { return any_option(row, matches); });
}

/// `-n<value>` in two: cxxopts takes no blanks in a value that is attached.
[[nodiscard]] auto detached(const std::vector<std::string>& args) -> std::vector<std::string> {
    std::vector<std::string> apart;
    bool is_value = false;
    for (const auto& each : args) {
        const bool letter =
            !is_value && each.size() > 2 && each[0] == '-' && each[1] != '-' && find_secret(each) == nullptr;
        if (letter && takes_next(each.substr(0, 2))) {
            apart.push_back(each.substr(0, 2));
            apart.push_back(each.substr(2));
            continue;
        }
        is_value = !is_value && takes_next(each);
        apart.push_back(each);
    }
    return apart;
}

struct separated {
    config::command_words words{};
    std::vector<std::string> rest{};  ///< all but the words
};

[[nodiscard]] auto separate(const std::vector<std::string>& args) -> separated {
    separated found;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const std::string& each = args[i];
        if (each.size() > 1 && each.front() == '-') {
            found.rest.push_back(each);
            if (takes_next(each) && i + 1 < args.size()) found.rest.push_back(args[++i]);
        } else if (found.words.command.empty()) {
            found.words.command = each;
        } else if (found.words.subject.empty() && std::ranges::any_of(commands, [&](const auto& row) {
                       return row.command == found.words.command && !row.subject.empty();
                   })) {
            found.words.subject = each;
        } else {
            found.rest.push_back(each);
        }
    }
    return found;
}

[[nodiscard]] auto see_help(const config::command_words& words) -> std::string {
    std::string text = "; see powerconsul";
    if (is_command(words.command)) text += ' ' + words.command;
    if (find_command(words) != nullptr && !words.subject.empty()) text += ' ' + words.subject;
    return text + " --help";
}

[[nodiscard]] auto misspelt(std::string_view what, std::string_view word, const std::vector<std::string_view>& known,
                            const config::command_words& words) -> unexpected {
    std::string text = std::string{what} + ' ' + quoted(word) + " is not known";
    if (const auto meant = nearest(word, known); !meant.empty()) {
        text += ", did you mean " + quoted(meant);
    } else if (what != "the option") {
        std::vector<std::string> distinct;
        for (const auto each : known) {
            if (!each.empty() && (distinct.empty() || distinct.back() != each)) distinct.emplace_back(each);
        }
        text += "; expected " + listed(distinct, "or");
    }
    return fail(errc::usage, text + see_help(words));
}

[[nodiscard]] auto option_names(const command_row* row) -> std::vector<std::string_view> {
    std::vector<std::string_view> names;
    names.reserve(global_options.size());
    for (const auto& each : global_options) names.push_back(each.name);
    if (row != nullptr) {
        for (const auto& each : row->options) names.push_back(each.name);
        for (const auto& each : row->shared) names.push_back(each.name);
    }
    return names;
}

/// Whether an argument may be that option, or a cluster of letters with its own.
[[nodiscard]] auto may_name(std::string_view argument, const option_row& row) -> bool {
    if (!argument.starts_with("--")) return argument.starts_with('-') && argument.find(row.letter) != argument.npos;
    return argument.substr(2, argument.find('=') - 2) == row.name;
}

/// With `mentioned`, only the options that some argument there may name: a command has forty, and a run few.
void add_rows(cxxopts::Options& options, const std::string& group, std::span<const option_row> rows,
              const std::vector<std::string>* mentioned) {
    auto add = options.add_options(group);
    for (const auto& row : rows) {
        if (mentioned != nullptr &&
            std::ranges::none_of(*mentioned, [&](const std::string& argument) { return may_name(argument, row); })) {
            continue;
        }
        const std::string spelling =
            row.letter != 0 ? std::string{row.letter} + ',' + std::string{row.name} : std::string{row.name};
        if (row.value.empty()) {
            add(spelling, std::string{row.help});
        } else {
            add(spelling, std::string{row.help}, cxxopts::value<std::string>(), std::string{row.value});
        }
    }
}

[[nodiscard]] auto options_of(const command_row* row, const std::vector<std::string>* mentioned = nullptr)
    -> cxxopts::Options {
    const std::string words =
        row == nullptr ? std::string{}
                       : std::string{row->command} + (row->subject.empty() ? "" : " ") + std::string{row->subject};
    cxxopts::Options options{
        words.empty() ? "powerconsul" : "powerconsul " + words,
        row == nullptr ? "Role-aware Consul checks" : "powerconsul " + words + ": " + std::string{row->summary}};
    options.set_width(100);
    if (row != nullptr) {
        options.custom_help(std::string{row->required} + " [options]");
        add_rows(options, "Command", row->options, mentioned);
        add_rows(options, "Command", row->shared, mentioned);
    } else {
        options.custom_help("<command> [<subject>] [options]");
    }
    add_rows(options, "Global", global_options, mentioned);
    return options;
}

[[nodiscard]] auto wants(const std::vector<std::string>& rest, std::string_view letter, std::string_view name) -> bool {
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] == letter || rest[i] == name) return true;
        if (takes_next(rest[i])) ++i;
    }
    return false;
}

/// `node` of `--node` and of `--node=x`; empty for what is no long option.
[[nodiscard]] auto long_name(std::string_view argument) -> std::string_view {
    return argument.starts_with("--") ? argument.substr(2, argument.find('=') - 2) : std::string_view{};
}

/// The option that an argument names, without `=…`; nullptr if the command has none.
[[nodiscard]] auto find_option(const command_row& row, std::string_view argument) -> const option_row* {
    const std::string_view name = long_name(argument);
    const char letter = argument.size() == 2 && argument[0] == '-' ? argument[1] : '\0';
    if (name.empty() && letter == '\0') return nullptr;
    for (const auto& rows : {std::span<const option_row>{global_options}, row.options, row.shared}) {
        for (const auto& each : rows) {
            if (name.empty() ? each.letter == letter : each.name == name) return &each;
        }
    }
    return nullptr;
}

/// Whether each option has the value that it needs, and none that it does not take. `-S=web` would be a service of the
/// name `=web`, and `-S --node x` one that is called `--node`: both are in no document, and so would be standalone.
[[nodiscard]] auto check_values(const std::vector<std::string>& rest, const command_row& row,
                                const config::command_words& words) -> result<void> {
    for (std::size_t i = 0; i < rest.size() && rest[i] != "--"; ++i) {
        const std::string given = rest[i].substr(0, rest[i].find('='));
        const option_row* const option = find_option(row, rest[i]);
        if (option == nullptr && !long_name(given).empty()) {
            return misspelt("the option", long_name(given), option_names(&row), words);
        }
        if (option == nullptr) {
            if (takes_next(rest[i])) ++i;
            continue;
        }
        const bool attached = rest[i].find('=') != std::string::npos;
        const auto wrong = [&](const std::string& what) {
            return fail(errc::usage, "the option " + given + ' ' + what + see_help(words));
        };
        if (option->value.empty() && attached) return wrong("takes no value; leave out what stands behind it");
        if (option->value.empty() || attached) continue;
        const std::string needs = "needs a value (" + std::string{option->value} + ')';
        if (i + 1 == rest.size()) return wrong(needs);
        const std::string& value = rest[++i];
        const bool free =
            std::string_view{"nPRp"}.find(option->letter) != std::string_view::npos && option->letter != 0;
        if (free) continue;
        if (value.starts_with("--") && find_option(row, value) != nullptr) {
            return wrong(needs + ", and the option " + quoted(value) + " follows");
        }
        if (value.starts_with('=') && option->letter != 0) {
            return wrong(needs + " behind a blank, found " + quoted(value) + "; write it without =");
        }
    }
    return {};
}

[[nodiscard]] auto known_words(const config::command_words& words) -> result<const command_row*> {
    std::vector<std::string_view> known;
    if (words.command.empty()) return fail(errc::usage, "a command is missing" + see_help(words));
    if (!is_command(words.command)) {
        for (const auto& row : commands) known.push_back(row.command);
        return misspelt("the command", words.command, known, words);
    }
    if (const command_row* const row = find_command(words); row != nullptr) return row;
    for (const auto& row : commands) {
        if (row.command == words.command) known.push_back(row.subject);
    }
    if (words.subject.empty()) {
        return fail(errc::usage, words.command + " needs a subject: " + listed({known.begin(), known.end()}, "or") +
                                     see_help(words));
    }
    return misspelt("the subject", words.subject, known, words);
}

}  // namespace

auto find_words(const std::vector<std::string>& args) -> config::command_words {
    auto words = separate(detached(args)).words;
    if (find_command(words) == nullptr) words.subject.clear();
    return words;
}

auto parse_roughly(const std::vector<std::string>& args) -> config::arguments {
    constexpr auto wanted =
        std::to_array<std::string_view>({"format", "service", "user", "nagiosargs", "name", "cmdline"});
    const auto rest = separate(detached(args)).rest;
    config::arguments line{find_words(args), {}};
    const command_row* const row = find_command(line.words);
    for (std::size_t i = 0; i < rest.size() && rest[i] != "--"; ++i) {
        const option_row* const option = find_option(row != nullptr ? *row : command_row{}, rest[i]);
        const auto equals = rest[i].starts_with("--") ? rest[i].find('=') : std::string::npos;
        const bool follows = equals == std::string::npos && takes_next(rest[i]) && i + 1 < rest.size();
        const std::string value = follows ? rest[++i] : equals == std::string::npos ? "" : rest[i].substr(equals + 1);
        if (option == nullptr || std::ranges::find(wanted, option->name) == wanted.end()) continue;
        // Of two it cannot be told which is meant.
        if (const auto [there, added] = line.options.emplace(option->name, value); !added) there->second.clear();
    }
    return line;
}

auto parse_command_line(const std::vector<std::string>& args) -> result<config::arguments> {
    const separated parts = separate(detached(args));
    for (std::size_t i = 0; i < parts.rest.size(); ++i) {
        if (const auto* const secret = find_secret(parts.rest[i])) {
            return fail(errc::usage, "--" + std::string{secret->name} +
                                         ": everybody can see a command line; give the secret by " +
                                         std::string{secret->instead});
        }
        if (takes_next(parts.rest[i])) ++i;
    }
    config::arguments line{parts.words, {}};
    if (parts.words.command == "help") {
        line.words = separate(parts.rest).words;
        if (!line.words.command.empty() &&
            (!is_command(line.words.command) || (!line.words.subject.empty() && find_command(line.words) == nullptr))) {
            return unexpected{known_words(line.words).error()};
        }
        line.options["help"] = "";
        return line;
    }
    // Asking for help with what does not exist is no success.
    if (!parts.words.command.empty() && !is_command(parts.words.command)) {
        return unexpected{known_words(parts.words).error()};
    }
    if (!parts.words.subject.empty() && find_command(parts.words) == nullptr) {
        return unexpected{known_words(parts.words).error()};
    }
    for (const auto& [letter, name] : {std::pair{"-h", "help"}, std::pair{"--version", "version"}}) {
        if (!wants(parts.rest, letter, std::string{"--"} + name)) continue;
        line.options[name] = "";
        return line;
    }
    const auto row = known_words(parts.words);
    if (!row && parts.words.command.empty() && !parts.rest.empty()) {
        const auto names = option_names(nullptr);
        const std::string_view name = long_name(parts.rest.front());
        const bool known =
            takes_next(parts.rest.front()) || name.empty() || std::ranges::find(names, name) != names.end();
        if (!known) return misspelt("the option", name, names, parts.words);
    }
    if (!row) return unexpected{row.error()};
    if (auto sound = check_values(parts.rest, **row, parts.words); !sound) return unexpected{sound.error()};

    std::vector<const char*> argv{"powerconsul"};
    for (const auto& each : parts.rest) argv.push_back(each.c_str());
    auto options = options_of(*row, &parts.rest);
    try {
        const auto parsed = options.parse(static_cast<int>(argv.size()), argv.data());
        line.operands = parsed.unmatched();
        const std::size_t taken = (*row)->required == files_argument ? line.operands.size()
                                  : (*row)->required == "<service>"  ? 1
                                                                     : 0;
        if (line.operands.size() > taken) {
            return fail(errc::usage,
                        "the argument " + quoted(line.operands[taken]) + " is one too many" + see_help(parts.words));
        }
        for (const auto& each : parsed.arguments()) {
            if (parsed.count(each.key()) > 1) {
                return fail(errc::usage,
                            "--" + each.key() + " is given more than once; give it once" + see_help(parts.words));
            }
            if (each.value().empty()) {
                return fail(errc::usage,
                            "--" + each.key() + " has an empty value; leave it out or fill it" + see_help(parts.words));
            }
            line.options[each.key()] = each.value();
        }
    } catch (const cxxopts::exceptions::no_such_option&) {
        const auto names = option_names(*row);
        for (std::size_t i = 0; i < parts.rest.size(); ++i) {
            const std::string_view each = parts.rest[i];
            const std::string_view name = long_name(each);
            if (!name.empty() && std::ranges::find(names, name) == names.end()) {
                return misspelt("the option", name, names, parts.words);
            }
            const bool letter = each.size() > 1 && each[0] == '-' && each[1] != '-';
            if (letter && find_option(**row, each) == nullptr) return misspelt("the option", each, {}, parts.words);
            if (takes_next(each)) ++i;
        }
        return fail(errc::usage, "an option is not known" + see_help(parts.words));
    } catch (const cxxopts::exceptions::exception& why) {
        return fail(errc::usage, one_line(why.what(), 200) + see_help(parts.words));
    }
    return line;
}

auto options_from_environment() -> std::vector<std::string> {
    std::vector<std::string> names{"service-manager", "unknown-exit", "stop-file", "log", "log-format", "log-level"};
    for (const auto& each : global_options) {
        if (each.name != "version" && each.name != "help") names.emplace_back(each.name);
    }
    return names;
}

auto help_text(const config::command_words& words) -> std::string {
    const command_row* const row = find_command(words);
    std::vector<std::string> groups{"Global"};
    if (row != nullptr) groups.insert(groups.begin(), "Command");
    std::string text = options_of(row).help(groups);
    if (row != nullptr) return text + "\nExample:\n  " + std::string{row->example} + '\n';
    text += "\nCommands:\n";
    for (const auto& each : commands) {
        if (is_command(words.command) && each.command != words.command) continue;
        std::string name = std::string{each.command} + (each.subject.empty() ? "" : " ") + std::string{each.subject};
        name.resize(std::max<std::size_t>(name.size(), 18), ' ');
        text += "  " + name + "  " + std::string{each.summary} + "\n                      " +
                std::string{each.example} + '\n';
    }
    return text +
           "\nEach global option can also be set in the environment (--state-dir: POWERCONSUL_STATE_DIR).\n"
           "powerconsul <command> [<subject>] --help says more.\n";
}

}  // namespace powerconsul::cli

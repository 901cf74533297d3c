#include "options.hpp"

#include <span>

#define CXXOPTS_NO_REGEX
#include <cxxopts.hpp>

#include <powerconsul/checks/kinds/all.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::cli {

namespace {

using checks::option;

constexpr std::size_t any_number = static_cast<std::size_t>(-1);

struct command_row {
    std::string_view command{};
    std::string_view subject{};
    std::string_view summary{};
    std::span<const option> options{};
    std::span<const option> shared{};  ///< the options that it shares with other subjects
    std::string_view required{};       ///< what must be there, for the usage line
    std::string_view example{};
    std::size_t operands{};  ///< how many words it takes that are no options
};

constexpr auto global_options = std::to_array<option>({
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
    {0, "takeover-after", "TIME", "a standby takes over once no active has served for so long (default 20s)"},
    {0, "give-back-after", "TIME", "and gives back once an active has served for so long (default 20s)"},
    {0, "absent-after", "TIME", "an active that is not registered counts as gone after so long (default 60s)"},
    {0, "max-age", "TIME", "how long a last known role may be used while Consul is away (default 60s, 0: never)"},
    {0, "max-stale", "TIME", "how old an answer may be that is not the leader's (default 10s, 0: never used)"},
    {0, "consistent", "", "ask the leader alone, once most servers have confirmed that it is"},
    {0, "health-cache", "", "take the health of peers from the agent's cache, up to an age of --max-stale"},
    {0, "format", "json|text", "output format (default: json for check, text for role)"},
    {0, "version", "", "print the version"},
    {'h', "help", "", "print this help"},
});

constexpr auto check_options = std::to_array<option>({
    {'S', "consulservice", "NAME", "the Consul service"},
    {'P', "procstr", "TEXT", "a process with this text in its command line counts as the service running", true},
    {'R', "procre", "REGEX", "the same with a regular expression, as in Python's re", true},
    {0, "work-user", "NAME", "only processes of this user, by name or number, count for -P and -R", false, true},
    {0, "containers", "", "processes in containers, those in pid namespaces of their own, count, too"},
    {'F', "noopfile", "FILE", "passing whatever is expected while this file exists"},
    {0, "noop-max-age", "TIME", "how old that file may become, as in 2h or 30m (default: any age)"},
    {0, "serving", "", "critical wherever the service is not expected to run: for a second service in Consul"},
    {0, "unknown-exit", "1|2|3", "exit status when the verdict is unknown (default 1)", false, true},
    {0, "log", "WHERE", "for a line at each change: none, syslog, a file, or a directory with a / (default none)",
     false, true},
    {0, "log-format", "logfmt|json", "how that line is written (default logfmt)", false, true},
    {0, "log-level", "LEVEL", "error: only critical, warning: no passing (default info)", false, true},
    {'U', "updatekv", "", "taken as in the original, and changes nothing: no check writes to Consul"},
});

constexpr auto role_options = std::to_array<option>({
    {'S', "consulservice", "NAME", "the Consul service, also as a word of its own"},
    {0, "explain", "", "print every fact behind it and where it comes from, and the triggers that would run"},
    {0, "expect", "running|stopped", "exit with 0 if that is expected here, 1 if it is not, 69 if that is not known"},
    {'q', "quiet", "", "print nothing: for --expect"},
});

constexpr auto acting_options = std::to_array<option>({
    {0, "dry-run", "", "do nothing, but print what would be done and why the rest would not"},
    {0, "stop-file", "FILE", "nothing acts while this file exists (default /etc/powerconsul.stop)", false, true},
    {0, "log", "WHERE", "stderr, syslog, none, a file, or a directory with a / at its end (default stderr)", false,
     true},
    {0, "log-format", "logfmt|json", "one line for each event (default logfmt)", false, true},
    {0, "log-level", "LEVEL", "error, warning, info or debug (default info)", false, true},
});

constexpr auto watch_options_rows = std::to_array<option>({
    {0, "detach", "", "return at once; a worker goes on, and tries again until the incidents are over"},
    {0, "from-agent", "", "take the checks from the local agent instead of standard input: for a timer"},
});

constexpr auto trigger_options_rows = std::to_array<option>({
    {'s', "service", "JSON|-", "the check, as Consul gives it to a watch; - reads it from standard input"},
});

constexpr auto acl_policy_options = std::to_array<option>({
    {'S', "consulservice", "NAME", "the Consul service, also as a word of its own"},
    {0, "for", "COMMAND",
     "only what check, role, watch, trigger, lint or doctor needs (default all), or what pause needs"},
});

constexpr auto doctor_options = std::to_array<option>({
    {'S', "consulservice", "NAME",
     "only this Consul service (default: all that the agent's checks ask powerconsul for)"},
    {'q', "quiet", "", "print what is not well, and nothing if all is"},
    {0, "from-python", "", "look for what python-powerconsul left on this node, and say what to do about each"},
});

constexpr auto report_options = std::to_array<option>({
    {0, "json", "", "as JSON"},
    {0, "stop-file", "FILE", "the file that stops all actions (default /etc/powerconsul.stop)", false, true},
});

constexpr auto incidents_options = std::to_array<option>({
    {0, "since", "TIME", "only what was open within this time, as in 24h or 7d (default: all that is kept)"},
    {0, "verbose", "", "with each attempt and its output"},
    {0, "stats", "", "how often each trigger ran and healed, and how long that took"},
});

constexpr auto pause_place_options = std::to_array<option>({
    {'S', "consulservice", "NAME", "the Consul service, also as a word of its own (default: all of the environment)"},
    {0, "here", "", "for this node alone, in its state directory (default: for all nodes, in Consul's KV store)"},
});

constexpr auto pause_options = std::to_array<option>({
    {0, "for", "TIME", "how long, as in 30m, 2h or 3d; at most 30d"},
    {0, "until", "TIME", "in its place when, as in 2026-12-01T08:00 of this machine's time zone"},
    {0, "why", "TEXT", "the reason, which is told wherever something is held"},
});

constexpr auto ack_options = std::to_array<option>({
    {0, "log", "WHERE", "where the worker that tries again logs (default syslog)", false, true},
    {0, "stop-file", "FILE", "the file that stops all actions (default /etc/powerconsul.stop)", false, true},
});

constexpr auto lint_options = std::to_array<option>({
    {'S', "consulservice", "NAME", "what Consul's KV store holds for this service"},
    {0, "all", "", "everything that it holds below clusterKey and triggerKey"},
    {0, "as", "KIND", "what the files are: document, trigger or configuration (default: as each tells itself)"},
});

constexpr auto bootstrap_options = std::to_array<option>({
    {'C', "settings", "JSON|-", "the configuration; - reads it from standard input"},
    {0, "force", "", "replace another configuration that is there"},
});

// One row each.
// clang-format off
constexpr auto other_commands = std::to_array<command_row>({
    {"watch", "warning", "handler of a watch on checks: heal what is in the state warning", watch_options_rows,
     acting_options, "", "powerconsul watch warning < checks.json"},
    {"watch", "critical", "handler of a watch on checks: heal what is in the state critical", watch_options_rows,
     acting_options, "", "powerconsul watch critical < checks.json"},
    {"trigger", "warning", "run the trigger for one check in the state warning", trigger_options_rows, acting_options,
     "-s '<check JSON>'", "powerconsul trigger warning -s '{\"ServiceName\": \"apacheWebService\"}'"},
    {"trigger", "critical", "run the trigger for one check in the state critical", trigger_options_rows, acting_options,
     "-s '<check JSON>'", "powerconsul trigger critical -s '{\"ServiceName\": \"apacheWebService\"}'"},
    {"incidents", "", "print open and recent incidents and what was done about them", incidents_options,
     report_options, "",
     "powerconsul incidents"},
    {"incidents", "ack", "let a service's triggers that were given up be tried again, at once", ack_options, {},
     "<service>", "powerconsul incidents ack apacheWebService", 1},
    {"pause", "", "let nothing act on a service, or on any, for a time", pause_options, pause_place_options,
     "[<Consul service>] --for <time> --why <text>", "powerconsul pause apacheWebService --for 2h --why 'kernel update'", 1},
    {"resume", "", "end such a pause", pause_place_options, {}, "[<Consul service>]",
     "powerconsul resume apacheWebService", 1},
    {"lint", "", "look for mistakes in cluster documents, triggers and configurations, from files or Consul's KV store",
     lint_options, {}, "(<file>… | - | -S <Consul service> | --all)", "powerconsul lint cluster/production/*.json",
     any_number},
    {"role", "", "print this node's role for a service, what it expects, and why", role_options, {},
     "<Consul service>", "powerconsul role apacheWebService", 1},
    {"acl-policy", "", "print the least ACL policy with which powerconsul works on this node for a service",
     acl_policy_options, {}, "<Consul service>", "powerconsul acl-policy apacheWebService", 1},
    {"config", "bootstrap", "write the configuration, which is checked as lint does, to --config or ~/.powerconsul.conf",
     bootstrap_options, {}, "-C '<JSON>'", "powerconsul config bootstrap -C '{\"clusterKey\": \"cluster/production\"}'"},
    {"doctor", "", "look at agent, rights, checks and watches of this node, and say what is wrong and how to mend it",
     doctor_options, report_options, "[<Consul service>]", "powerconsul doctor", 1},
});
// clang-format on

constexpr auto kinds_of_check = checks::all_kinds::each([]<typename Kind>(std::type_identity<Kind>) {
    constexpr auto& words = Kind::words;
    return command_row{"check",       words.name,     words.about,   Kind::options,
                       check_options, words.required, words.example, words.operands};
});

constexpr auto commands = [] {
    std::array<command_row, kinds_of_check.size() + other_commands.size()> all{};
    std::ranges::copy(other_commands, std::ranges::copy(kinds_of_check, all.begin()).out);
    return all;
}();

// --- tables ---

[[nodiscard]] auto is_command(std::string_view word) -> bool {
    return std::ranges::find(commands, word, &command_row::command) != commands.end();
}

[[nodiscard]] auto has_subjects(std::string_view command) -> bool {
    return std::ranges::any_of(commands,
                               [&](const auto& row) { return row.command == command && !row.subject.empty(); });
}

[[nodiscard]] auto find_command(const config::command_words& words) -> const command_row* {
    const auto found = std::ranges::find_if(
        commands, [&](const auto& row) { return row.command == words.command && row.subject == words.subject; });
    return found == commands.end() ? nullptr : &*found;
}

/// `check service`
[[nodiscard]] auto name_of(const command_row& row) -> std::string {
    return std::string{row.command} + (row.subject.empty() ? "" : " ") + std::string{row.subject};
}

/// The options that a command takes; without one, those of all.
[[nodiscard]] auto tables_of(const command_row* row) -> std::array<std::span<const option>, 3> {
    return {row == nullptr ? std::span<const option>{} : row->options,
            row == nullptr ? std::span<const option>{} : row->shared, global_options};
}

// --- tokens ---

/// One argument, or an option with its value.
struct token {
    std::string spelled{};               ///< `--node` or `-S`; an operand as it is
    bool is_option{};                    ///< it is no operand; whether the command has it is another question
    std::optional<std::string> value{};  ///< of an option, as far as one was there
    bool attached{};                     ///< the value stands behind a `=`

    [[nodiscard]] auto names(const option& row) const -> bool {
        if (spelled.starts_with("--")) return spelled.substr(2) == row.name;
        return row.letter != 0 && spelled.size() == 2 && spelled[1] == row.letter;
    }
    /// `node` of `--node`; empty for a letter.
    [[nodiscard]] auto long_name() const -> std::string_view {
        return spelled.starts_with("--") ? std::string_view{spelled}.substr(2) : std::string_view{};
    }
};

[[nodiscard]] auto find_option(const command_row* row, const token& given) -> const option* {
    for (const auto table : tables_of(row)) {
        const auto found = std::ranges::find_if(table, [&](const option& each) { return given.names(each); });
        if (found != table.end()) return &*found;
    }
    return nullptr;
}

/// Finds an option also if only other kinds of check have it: all of them had the same options in the original, and
/// ignored those that they had no use for. Its trigger had a user, and no use for it either.
[[nodiscard]] auto find_option_of_any_check(const command_row& row, const token& given) -> const option* {
    const option* found = find_option(&row, given);
    const bool takes_user = row.command == "trigger" && given.names({'u', "user"});
    if (row.command != "check" && !takes_user) return found;
    for (const auto& other : kinds_of_check) {
        if (found == nullptr) found = find_option(&other, given);
    }
    return found;
}

/// What other programs take a secret by, and what to give in its place: here none comes by the command line, where
/// every user of the machine sees it.
constexpr std::pair<std::string_view, std::string_view> secret_options[] = {
    {"token", "--token-file or CONSUL_HTTP_TOKEN"}, {"http-auth", "--http-auth-file or CONSUL_HTTP_AUTH"}};

/// The row of `--token` or `-token`, as Consul's own program has it.
[[nodiscard]] auto find_secret(std::string_view spelled) -> const std::pair<std::string_view, std::string_view>* {
    spelled.remove_prefix(std::min(spelled.find_first_not_of('-'), spelled.size()));
    const auto* const found =
        std::ranges::find_if(secret_options, [&](const auto& row) { return row.first == spelled; });
    return found == std::end(secret_options) ? nullptr : found;
}

/// Whether an option has a value, in whatever command: a name or letter means the same in all of them.
[[nodiscard]] auto takes_value(const token& given) -> bool {
    if (find_secret(given.spelled) != nullptr) return true;
    const auto takes = [&](const option& each) { return !each.value.empty() && given.names(each); };
    return std::ranges::any_of(commands, [&](const command_row& row) {
        return std::ranges::any_of(tables_of(&row), [&](auto table) { return std::ranges::any_of(table, takes); });
    });
}

/// Every argument once, each value with its option: `--node web1`, `--node=web1`, `-S web`, `-Sweb`. All that follows
/// `--` are operands.
[[nodiscard]] auto tokens_of(const std::vector<std::string>& args) -> std::vector<token> {
    std::vector<token> found;
    bool options_end = false;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const std::string& each = args[i];
        if (options_end || each.size() < 2 || each.front() != '-') {
            found.push_back({each});
            continue;
        }
        if (each == "--") {
            options_end = true;
            continue;
        }
        const auto equals = each.find('=');
        token next{each.substr(0, equals), true};
        const bool is_letter = !each.starts_with("--") && find_secret(next.spelled) == nullptr;
        if (is_letter) next.spelled = each.substr(0, 2);
        if (is_letter && each.size() > 2) {
            if (takes_value(next)) {
                next.value = each.substr(2);
            } else {
                next.spelled = each;  // several letters at once are no option
            }
        } else if (equals != std::string::npos) {
            next.value = each.substr(equals + 1);
            next.attached = true;
        } else if (takes_value(next) && i + 1 < args.size()) {
            next.value = args[++i];
        }
        found.push_back(std::move(next));
    }
    return found;
}

struct separated {
    config::command_words words{};
    std::vector<std::string> operands{};
    std::vector<token> options{};
};

/// The words of the command may stand before, between and behind the options. With `roughly`, words before the first
/// one that is a command are passed over: the value of an option that is misspelt is one.
[[nodiscard]] auto separate(const std::vector<std::string>& args, bool roughly = false) -> separated {
    separated found;
    for (auto& each : tokens_of(args)) {
        auto& words = found.words;
        if (each.is_option) {
            found.options.push_back(std::move(each));
        } else if (words.command.empty()) {
            if (!roughly || is_command(each.spelled) || each.spelled == "help") words.command = each.spelled;
        } else if (words.subject.empty() && has_subjects(words.command)) {
            words.subject = each.spelled;
        } else {
            found.operands.push_back(each.spelled);
        }
    }
    return found;
}

// --- errors ---

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

/// The original takes any beginning of an option's name that fits one alone. Here it is refused with all that it fits,
/// since what it means would change with each new option.
[[nodiscard]] auto unknown_option(const token& given, const command_row* row, const config::command_words& words)
    -> unexpected {
    const auto name = given.long_name();
    if (name.empty()) return misspelt("the option", given.spelled, {}, words);
    std::vector<std::string_view> names;
    std::vector<std::string> begun;
    const auto add_begun = [&](std::string_view each) {
        if (each.starts_with(name) && std::ranges::count(begun, quoted(each)) == 0) begun.push_back(quoted(each));
    };
    for (const auto table : tables_of(row)) {
        for (const auto& each : table) {
            names.push_back(each.name);
            add_begun(each.name);
        }
    }
    for (const auto& other : kinds_of_check) {
        if (row == nullptr || row->command != other.command) break;
        for (const auto& each : other.options) add_begun(each.name);
    }
    if (begun.empty()) return misspelt("the option", name, names, words);
    return fail(errc::usage,
                "the option " + quoted(name) + " is not known, did you mean " + listed(begun, "or") + see_help(words));
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

/// Whether an option is one of the command's, with the value that it needs, and none that it does not take. `-S=web`
/// would be a service of the name `=web`, and `-S --node x` one that is called `--node`: both are in no document, and
/// so would be standalone.
[[nodiscard]] auto check_option(const token& given, const command_row& row, const config::command_words& words)
    -> result<const option*> {
    const option* const found = find_option_of_any_check(row, given);
    if (found == nullptr) return unknown_option(given, &row, words);
    const auto wrong = [&](const std::string& what) {
        return fail(errc::usage, "the option " + given.spelled + ' ' + what + see_help(words));
    };
    if (found->value.empty() && given.value) return wrong("takes no value; leave out what stands behind it");
    if (found->value.empty() || given.attached) return found;
    const std::string needs = "needs a value (" + std::string{found->value} + ')';
    if (!given.value) return wrong(needs);
    if (found->free_text) return found;
    const token value{given.value->substr(0, given.value->find('=')), true};
    if (value.spelled.starts_with("--") && find_option_of_any_check(row, value) != nullptr) {
        return wrong(needs + ", and the option " + quoted(*given.value) + " follows");
    }
    if (given.value->starts_with('=') && found->letter != 0) {
        return wrong(needs + " behind a blank, found " + quoted(*given.value) + "; write it without =");
    }
    return found;
}

// --- help ---

void add_rows(cxxopts::Options& options, const std::string& group, std::span<const option> rows) {
    auto add = options.add_options(group);
    for (const auto& row : rows) {
        const std::string spelling =
            row.letter != 0 ? std::string{row.letter} + ',' + std::string{row.name} : std::string{row.name};
        if (row.value.empty()) {
            add(spelling, std::string{row.help});
        } else {
            add(spelling, std::string{row.help}, cxxopts::value<std::string>(), std::string{row.value});
        }
    }
}

[[nodiscard]] auto options_of(const command_row* row) -> cxxopts::Options {
    std::string program = "powerconsul";
    if (row != nullptr) program += ' ' + name_of(*row);
    cxxopts::Options options{program,
                             row == nullptr ? "Role-aware Consul checks" : program + ": " + std::string{row->summary}};
    options.set_width(100);
    options.custom_help(row == nullptr ? "<command> [<subject>] [options]" : std::string{row->required} + " [options]");
    if (row != nullptr) add_rows(options, "Command", row->options);
    if (row != nullptr) add_rows(options, "Command", row->shared);
    add_rows(options, "Global", global_options);
    return options;
}

}  // namespace

auto see_help(const config::command_words& words) -> std::string {
    std::string text = "; see powerconsul";
    if (is_command(words.command)) text += ' ' + words.command;
    if (find_command(words) != nullptr && !words.subject.empty()) text += ' ' + words.subject;
    return text + " --help";
}

auto find_words(const std::vector<std::string>& args) -> config::command_words {
    auto words = separate(args, true).words;
    if (find_command(words) == nullptr) words.subject.clear();
    return words;
}

auto parse_roughly(const std::vector<std::string>& args) -> config::arguments {
    const auto parts = separate(args, true);
    config::arguments line{find_words(args), {}, parts.operands};
    const command_row* row = find_command(line.words);
    if (row == nullptr && line.words.command == "check") row = &kinds_of_check.front();  // all share most options
    for (const auto& each : parts.options) {
        const option* const known = find_option(row, each);
        if (known == nullptr) continue;
        // Of two it cannot be told which is meant.
        const auto [there, added] = line.options.emplace(known->name, each.value.value_or(""));
        if (!added) there->second.clear();
    }
    return line;
}

auto parse_command_line(const std::vector<std::string>& args) -> result<config::arguments> {
    const separated parts = separate(args);
    for (const auto& each : parts.options) {
        const auto* const secret = find_secret(each.spelled);
        if (secret == nullptr) continue;
        return fail(errc::usage, "--" + std::string{secret->first} +
                                     ": everybody can see a command line; give the secret by " +
                                     std::string{secret->second});
    }
    config::arguments line{parts.words, {}, parts.operands};
    auto& words = line.words;
    const bool asks_for_help = words.command == "help";
    if (asks_for_help) words = separate(parts.operands).words;
    // Asking for help with what does not exist is no success.
    const bool no_command = !words.command.empty() && !is_command(words.command);
    if (no_command || (!words.subject.empty() && find_command(words) == nullptr)) {
        return unexpected{known_words(words).error()};
    }
    for (const auto& [letter, name] : {std::pair{'h', "help"}, std::pair{'\0', "version"}}) {
        const option wanted{letter, name};
        const bool wants =
            std::ranges::any_of(parts.options, [&](const token& each) { return !each.value && each.names(wanted); });
        if (!wants && !(asks_for_help && letter == 'h')) continue;
        line.options[name] = "";
        return line;
    }
    const auto row = known_words(words);
    if (!row && words.command.empty() && !parts.options.empty()) {
        const token& first = parts.options.front();
        if (!first.long_name().empty() && !takes_value(first) && find_option(nullptr, first) == nullptr) {
            return unknown_option(first, nullptr, words);
        }
    }
    if (!row) return unexpected{row.error()};
    // In the order in which people read: an option without its value, before what comes after it is judged.
    std::vector<std::pair<std::string, std::string>> given;
    for (const auto& each : parts.options) {
        const auto known = check_option(each, **row, words);
        if (!known) return unexpected{known.error()};
        if (find_option(*row, each) != nullptr) {
            given.emplace_back((*known)->name, each.value.value_or("true"));
        } else if (auto note = each.spelled + " is ignored: it is no option of " + name_of(**row);
                   std::ranges::count(line.notes, note) == 0) {
            line.notes.push_back(std::move(note));
        }
    }
    if (line.operands.size() > (*row)->operands) {
        return fail(errc::usage,
                    "the argument " + quoted(line.operands[(*row)->operands]) + " is one too many" + see_help(words));
    }
    for (const auto& [name, value] : given) {
        if (!line.options.emplace(name, value).second) {
            return fail(errc::usage, "--" + name + " is given more than once; give it once" + see_help(words));
        }
        if (value.empty()) {
            return fail(errc::usage, "--" + name + " has an empty value; leave it out or fill it" + see_help(words));
        }
    }
    // The original had no use for a user beside the plugin's arguments.
    if (words.subject == "process" && line.has("nagiosargs") && line.options.erase("user") != 0) {
        line.notes.emplace_back("-u/--user is ignored beside -n/--nagiosargs");
    }
    return line;
}

auto required(const config::arguments& line, std::string_view option, std::string_view spelling)
    -> result<std::string> {
    if (auto value = line.value(option)) return std::move(*value);
    return fail(errc::usage, "the option " + std::string{spelling} + " is missing" + see_help(line.words));
}

auto named_service(const config::arguments& line) -> result<std::string> {
    const auto option = line.value("consulservice");
    if (line.operands.empty()) return option.value_or("");
    const std::string& word = line.operands.front();
    if (word.empty()) return fail(errc::usage, "the name of the Consul service is empty" + see_help(line.words));
    if (!option || *option == word) return word;
    return fail(errc::usage, quoted(word) + " and -S " + quoted(*option) + " are two Consul services; name one" +
                                 see_help(line.words));
}

auto required_service(const config::arguments& line) -> result<std::string> {
    auto name = named_service(line);
    return name && name->empty() ? required(line, "consulservice", "-S/--consulservice") : name;
}

auto options_from_environment() -> std::vector<std::string> {
    std::vector<std::string> names;
    for (const auto& each : global_options) {
        if (each.name != "version" && each.name != "help") names.emplace_back(each.name);
    }
    for (const auto& row : commands) {
        for (const auto table : {row.options, row.shared}) {
            for (const auto& each : table) {
                if (each.variable && std::ranges::find(names, each.name) == names.end()) names.emplace_back(each.name);
            }
        }
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
        std::string name = name_of(each);
        name.resize(std::max<std::size_t>(name.size(), 18), ' ');
        text += "  " + name + "  " + std::string{each.summary} + "\n                      " +
                std::string{each.example} + '\n';
    }
    return text +
           "\nEach global option can also be set in the environment (--state-dir: POWERCONSUL_STATE_DIR).\n"
           "powerconsul <command> [<subject>] --help says more.\n";
}

}  // namespace powerconsul::cli

#include "../../tools/cli/commands.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <powerconsul/testing/fakes.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "caller.hpp"

using namespace powerconsul;
using powerconsul::cli::configuration;
using powerconsul::cli::configure;
using powerconsul::cli::invocation;
using tool::sandbox;

namespace {

using variables = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view secret = "b1a5eed0-hush";

/// What `role -S web` with these options comes down to; every ~ in a value is the sandbox's path.
struct asked {
    const sandbox& box;
    std::vector<std::string> options{};
    variables environment{};

    [[nodiscard]] auto in_box(std::string text) const -> std::string {
        for (auto at = text.find('~'); at != std::string::npos; at = text.find('~')) text.replace(at, 1, box / "");
        return text;
    }
    [[nodiscard]] auto operator()() const -> result<configuration> {
        invocation call;
        call.args = {"role", "-S", "web"};
        for (const auto& each : options) call.args.push_back(in_box(each));
        for (const auto& [name, value] : environment) call.environment.emplace(name, in_box(value));
        call.environment.emplace("POWERCONSUL_CONFIG", box / "config.json");
        call.host = "production-web1";
        const auto line = cli::parse_command_line(call.args);
        REQUIRE_MESSAGE(line, line.error().message);
        return configure(call, *line);
    }
};

void write_config(const sandbox& box, std::string_view consul) {
    box.write("config.json", asked{box}.in_box(R"({"consul": {)" + std::string{consul} + "}}"));
}

}  // namespace

TEST_CASE("each way to say where Consul is, and the first that speaks wins") {
    struct row {
        std::string_view name;
        std::vector<std::string> options;
        variables environment;
        std::string_view config;
        std::string_view address;
        std::string_view source;
    };
    const variables all{{"POWERCONSUL_HTTP_ADDR", "p:1"}, {"CONSUL_HTTP_ADDR", "s:1"}};
    const std::string_view file = R"("httpAddr": "f:1")";
    const row rows[] = {
        {"nothing said", {}, {}, "", "http://127.0.0.1:8500", "default"},
        {"configuration", {}, {}, file, "http://f:1", "the configuration ~config.json"},
        {"standard variable", {}, {{"CONSUL_HTTP_ADDR", "s:1"}}, file, "http://s:1", "CONSUL_HTTP_ADDR"},
        {"own variable", {}, all, file, "http://p:1", "POWERCONSUL_HTTP_ADDR"},
        {"option", {"--http-addr", "o:1"}, all, file, "http://o:1", "--http-addr"},
        {"empty variables are not set",
         {},
         {{"POWERCONSUL_HTTP_ADDR", ""}, {"CONSUL_HTTP_ADDR", ""}},
         file,
         "http://f:1",
         "the configuration ~config.json"},
        {"IPv6", {"--http-addr", "[::1]:8500"}, {}, "", "http://[::1]:8500", "--http-addr"},
        {"socket", {"--http-addr", "unix:///run/c.sock"}, {}, "", "unix:///run/c.sock", "--http-addr"},
        {"https", {"--http-addr", "https://h:8501"}, {}, "", "https://h:8501", "--http-addr"},
        {"https wins over no SSL",
         {"--http-addr", "https://h:8501"},
         {{"CONSUL_HTTP_SSL", "false"}},
         "",
         "https://h:8501",
         "--http-addr"},
        {"https and SSL", {"--http-addr", "https://h"}, {{"CONSUL_HTTP_SSL", "1"}}, "", "https://h:443", "--http-addr"},
        {"SSL with a bare host and port",
         {"--http-addr", "h:8501"},
         {{"CONSUL_HTTP_SSL", "TRUE"}},
         "",
         "https://h:8501",
         "--http-addr, https because of CONSUL_HTTP_SSL"},
        {"SSL with a bare host",
         {"--http-addr", "h", "--http-ssl", "t"},
         {},
         "",
         "https://h:8500",
         "--http-addr, https because of --http-ssl"},
        {"SSL with http://",
         {"--http-addr", "http://h:8501"},
         {{"POWERCONSUL_HTTP_SSL", "true"}},
         "",
         "https://h:8501",
         "--http-addr, https because of POWERCONSUL_HTTP_SSL"},
        {"SSL with http:// and no port",
         {"--http-addr", "http://h"},
         {},
         R"("httpSsl": true)",
         "https://h:443",
         "--http-addr, https because of the configuration ~config.json"},
        {"SSL and nothing else",
         {},
         {{"CONSUL_HTTP_SSL", "1"}},
         "",
         "https://127.0.0.1:8500",
         "default, https because of CONSUL_HTTP_SSL"},
        {"option against SSL",
         {"--http-ssl", "false"},
         {{"CONSUL_HTTP_SSL", "1"}},
         file,
         "http://f:1",
         "the configuration ~config.json"},
        {"socket without SSL",
         {"--http-addr", "unix:///run/c.sock"},
         {{"CONSUL_HTTP_SSL", "0"}},
         "",
         "unix:///run/c.sock",
         "--http-addr"},
    };
    const sandbox box;
    for (const auto& each : rows) {
        CAPTURE(each.name);
        write_config(box, each.config);
        const asked ask{box, each.options, each.environment};
        const auto made = ask();
        REQUIRE_MESSAGE(made, made.error().message);
        CHECK(made->consul.address == each.address);
        CHECK(made->http_addr_source == ask.in_box(std::string{each.source}));
        CHECK(made->settings_file == box / "config.json");
    }
}

TEST_CASE("each option has a variable, a standard variable and a key, in that order") {
    struct row {
        std::string option;
        std::string_view standard;  ///< empty: there is none
        std::string_view key;
        std::string consul_access::*field;
    };
    const row rows[] = {
        {"ca-file", "CONSUL_CACERT", "caFile", &consul_access::ca_file},
        {"ca-path", "CONSUL_CAPATH", "caPath", &consul_access::ca_path},
        {"tls-server-name", "CONSUL_TLS_SERVER_NAME", "tlsServerName", &consul_access::tls_server_name},
        {"namespace", "CONSUL_NAMESPACE", "namespace", &consul_access::name_space},
        {"partition", "CONSUL_PARTITION", "partition", &consul_access::partition},
    };
    const sandbox box;
    for (const auto& each : rows) {
        CAPTURE(each.option);
        std::string own = "POWERCONSUL_" + each.option;
        for (char& c : own) c = c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        variables environment;
        std::vector<std::string> options;
        const auto value = [&] {
            const auto made = asked{box, options, environment}();
            REQUIRE_MESSAGE(made, made.error().message);
            return made->consul.*each.field;
        };
        write_config(box, "");
        CHECK(value().empty());
        write_config(box, '"' + std::string{each.key} + R"(": "of-the-file")");
        CHECK(value() == "of-the-file");
        environment[std::string{each.standard}] = "standard";
        CHECK(value() == "standard");
        environment[own] = "own";
        CHECK(value() == "own");
        options = {"--" + each.option, "option"};
        CHECK(value() == "option");
        options.clear();
        environment[own] = "";
        CHECK(value() == "standard");
    }
}

TEST_CASE("verification can be switched off at each place") {
    const sandbox box;
    const auto verifies = [&](std::vector<std::string> options, variables environment) {
        const auto made = asked{box, std::move(options), std::move(environment)}();
        REQUIRE_MESSAGE(made, made.error().message);
        return made->consul.verify;
    };
    write_config(box, "");
    CHECK(verifies({}, {}));
    CHECK_FALSE(verifies({}, {{"CONSUL_HTTP_SSL_VERIFY", "false"}}));
    CHECK(verifies({}, {{"CONSUL_HTTP_SSL_VERIFY", ""}}));
    CHECK(verifies({}, {{"CONSUL_HTTP_SSL_VERIFY", "0"}, {"POWERCONSUL_HTTP_SSL_VERIFY", "1"}}));
    CHECK_FALSE(verifies({"--http-ssl-verify", "F"}, {{"POWERCONSUL_HTTP_SSL_VERIFY", "1"}}));
    write_config(box, R"("httpSslVerify": false)");
    CHECK_FALSE(verifies({}, {}));
    CHECK(verifies({}, {{"CONSUL_HTTP_SSL_VERIFY", "True"}}));
}

TEST_CASE("tokens: a file named anywhere, the variable, the configuration's file") {
    const sandbox box;
    box.write("option", "of-the-option\n");
    box.write("own", "  of-the-variable\r\n");
    box.write("standard", "of-the-standard-variable");
    box.write("configured", "of-the-configuration");
    struct row {
        std::string_view name;
        std::vector<std::string> options;
        variables environment;
        bool configured;
        std::string_view token;
        std::string_view source;
    };
    const std::pair<const std::string, std::string> own{"POWERCONSUL_TOKEN_FILE", "~own"};
    const std::pair<const std::string, std::string> standard{"CONSUL_HTTP_TOKEN_FILE", "~standard"};
    const std::pair<const std::string, std::string> direct{"CONSUL_HTTP_TOKEN", "direct"};
    const row rows[] = {
        {"none", {}, {}, false, "", "none: the agent's default token counts"},
        {"empty variables", {}, {{"CONSUL_HTTP_TOKEN", ""}}, false, "", "none: the agent's default token counts"},
        {"configuration", {}, {}, true, "of-the-configuration", "the configuration ~config.json: ~configured"},
        {"token in the environment", {}, {direct}, true, "direct", "CONSUL_HTTP_TOKEN"},
        {"standard file", {}, {direct, standard}, true, "of-the-standard-variable", "CONSUL_HTTP_TOKEN_FILE ~standard"},
        {"own file", {}, {direct, standard, own}, true, "of-the-variable", "POWERCONSUL_TOKEN_FILE ~own"},
        {"option", {"--token-file", "~option"}, {direct, standard, own}, true, "of-the-option", "--token-file ~option"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        write_config(box, each.configured ? R"("tokenFile": "~configured")" : "");
        const asked ask{box, each.options, each.environment};
        const auto made = ask();
        REQUIRE_MESSAGE(made, made.error().message);
        CHECK(made->consul.token == each.token);
        CHECK(made->token_source == ask.in_box(std::string{each.source}));
    }
    write_config(box, "");
    const auto stored = asked{box, {"--store", "~none", "--token-file", "~missing"}}();
    REQUIRE_MESSAGE(stored, "a store file needs no token");
    CHECK(stored->token_source.empty());
    CHECK(stored->http_addr_source.empty());
}

TEST_CASE("name and password for a proxy") {
    const sandbox box;
    box.write("auth", "me:pa:ss \n");
    box.write("other", "other:x");
    const auto auth = [&](std::vector<std::string> options, variables environment) {
        const auto made = asked{box, std::move(options), std::move(environment)}();
        REQUIRE_MESSAGE(made, made.error().message);
        return made->consul.basic_auth;
    };
    write_config(box, R"("httpAuthFile": "~other")");
    CHECK(auth({}, {}) == "other:x");
    CHECK(auth({}, {{"CONSUL_HTTP_AUTH", "u:pa:ss"}}) == "u:pa:ss");
    CHECK(auth({}, {{"CONSUL_HTTP_AUTH", "nobody"}}) == "nobody:");
    CHECK(auth({}, {{"CONSUL_HTTP_AUTH", "u:p"}, {"POWERCONSUL_HTTP_AUTH_FILE", "~auth"}}) == "me:pa:ss ");
    CHECK(auth({"--http-auth-file", "~auth"}, {{"POWERCONSUL_HTTP_AUTH_FILE", "~other"}}) == "me:pa:ss ");
}

TEST_CASE("a client certificate comes with its key, wherever each is named") {
    const sandbox box;
    box.write("key", "-----BEGIN EC PRIVATE KEY-----\n");
    box.write("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    write_config(box, R"("clientKey": "~key")");
    const auto made = asked{box, {}, {{"CONSUL_CLIENT_CERT", "/c.pem"}}}();
    REQUIRE_MESSAGE(made, made.error().message);
    CHECK(made->consul.client_cert == "/c.pem");
    CHECK(made->consul.client_key == box / "key");
    const auto option =
        asked{box, {"--client-key", "~key", "--client-cert", "/o.pem"}, {{"CONSUL_CLIENT_KEY", "/x"}}}();
    REQUIRE_MESSAGE(option, option.error().message);
    CHECK(option->consul.client_cert == "/o.pem");
}

TEST_CASE("what is wrong is named by the place that says it, with its exit code, and never with the secret") {
    const sandbox box;
    box.write("good", "t");
    box.write("readable", secret, 0644);
    box.write("writable", secret, 0602);
    box.write("grouped", secret, 0660);
    box.write("two_words", std::string{secret} + " " + std::string{secret});
    box.write("two_lines", std::string{secret} + "\n" + std::string{secret} + "\n");
    box.write("blank", " \n");
    box.write("large", std::string(70'000, 'x'));
    box.write("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    box.write("two_auths", "a:" + std::string{secret} + "\nb:" + std::string{secret} + "\n");
    REQUIRE(mkdir((box / "directory").c_str(), 0700) == 0);
    REQUIRE(mkfifo((box / "fifo").c_str(), 0600) == 0);
    REQUIRE(symlink("readable", (box / "link").c_str()) == 0);
    REQUIRE(symlink("good", (box / "good_link").c_str()) == 0);
    struct row {
        std::string_view name;
        std::vector<std::string> options;
        variables environment;
        std::string_view config;
        errc code;
        std::string_view message;
    };
    const std::string hush{secret};
    const row rows[] = {
        {"flag, option", {"--http-ssl", "maybe"}, {}, "", errc::usage, R"(--http-ssl: "maybe" is neither)"},
        {"flag, own variable",
         {},
         {{"POWERCONSUL_HTTP_SSL_VERIFY", "yes"}},
         "",
         errc::usage,
         R"(POWERCONSUL_HTTP_SSL_VERIFY: "yes" is neither "true" nor "false")"},
        {"flag, standard variable",
         {},
         {{"CONSUL_HTTP_SSL", "on"}},
         "",
         errc::usage,
         R"(CONSUL_HTTP_SSL: "on" is neither "true" nor "false")"},
        {"flag, configuration", {}, {}, R"("httpSsl": "on")", errc::configuration, "consul.httpSsl at line 1"},
        {"address, option", {"--http-addr", "ftp://h"}, {}, "", errc::usage, "--http-addr: the address of Consul"},
        {"address, variable", {}, {{"CONSUL_HTTP_ADDR", "h:0"}}, "", errc::usage, "CONSUL_HTTP_ADDR: the address of"},
        {"address, configuration",
         {},
         {},
         R"("httpAddr": "::1")",
         errc::configuration,
         "the configuration ~config.json: the address of Consul"},
        {"address with a password",
         {},
         {{"CONSUL_HTTP_ADDR", "http://me:" + hush + "@h:8500"}},
         "",
         errc::usage,
         R"(CONSUL_HTTP_ADDR: the address of Consul "...@h:8500" has more)"},
        {"TLS over a socket",
         {"--http-addr", "unix:///run/c.sock"},
         {{"CONSUL_HTTP_SSL", "true"}},
         "",
         errc::usage,
         "CONSUL_HTTP_SSL asks for TLS, which is not supported over a socket"},
        {"certificate alone",
         {"--client-cert", "/c.pem"},
         {},
         "",
         errc::usage,
         "--client-cert names a client certificate, but nothing names its key"},
        {"key alone, variable",
         {},
         {{"CONSUL_CLIENT_KEY", "/k.pem"}},
         "",
         errc::usage,
         "CONSUL_CLIENT_KEY names a client key, but nothing names its certificate"},
        {"certificate alone, configuration",
         {},
         {},
         R"("clientCert": "/c.pem")",
         errc::configuration,
         "the configuration ~config.json names a client certificate"},
        {"key with a passphrase",
         {"--client-cert", "/c.pem", "--client-key", "~encrypted"},
         {},
         "",
         errc::configuration,
         "needs a passphrase"},
        {"key that others can read",
         {"--client-cert", "/c.pem", "--client-key", "~readable"},
         {},
         "",
         errc::configuration,
         R"(the client key "~readable" (owner )"},
        {"token file of all", {"--token-file", "~readable"}, {}, "", errc::configuration, "mode 0644) can be read by"},
        {"token file, a link", {"--token-file", "~link"}, {}, "", errc::configuration, "; chmod 0600 ~link"},
        {"token file for all to write",
         {},
         {{"CONSUL_HTTP_TOKEN_FILE", "~writable"}},
         "",
         errc::configuration,
         "mode 0602) can be changed by others"},
        {"token file for a group to write",
         {},
         {},
         R"("tokenFile": "~grouped")",
         errc::configuration,
         "mode 0660) can be changed by its group"},
        {"no token file", {"--token-file", "~none"}, {}, "", errc::configuration, R"(the token file "~none" does not)"},
        {"a directory", {"--token-file", "~directory"}, {}, "", errc::configuration, "is not a regular file"},
        {"a FIFO", {"--token-file", "~fifo"}, {}, "", errc::configuration, "is not a regular file"},
        {"a device", {"--token-file", "/dev/zero"}, {}, "", errc::configuration, "is not a regular file"},
        {"too large", {"--token-file", "~large"}, {}, "", errc::configuration, "is larger than"},
        {"nothing in it", {"--token-file", "~blank"}, {}, "", errc::configuration, R"("~blank" is empty)"},
        {"two words", {"--token-file", "~two_words"}, {}, "", errc::configuration, "something else than one secret id"},
        {"two lines", {"--token-file", "~two_lines"}, {}, "", errc::configuration, "something else than one secret id"},
        {"a blank in the variable",
         {},
         {{"CONSUL_HTTP_TOKEN", hush + " x"}},
         "",
         errc::usage,
         "CONSUL_HTTP_TOKEN holds something else than one secret id"},
        {"a line's end in the variable",
         {},
         {{"CONSUL_HTTP_TOKEN", hush + "\nX: y"}},
         "",
         errc::usage,
         "CONSUL_HTTP_TOKEN holds something else than one secret id"},
        {"auth file without a colon",
         {"--http-auth-file", "~good"},
         {},
         "",
         errc::configuration,
         R"(the HTTP auth file "~good" is not user:password in one line)"},
        {"auth file of two lines",
         {"--http-auth-file", "~two_auths"},
         {},
         "",
         errc::configuration,
         R"(the HTTP auth file "~two_auths" is not user:password in one line)"},
        {"auth file of all",
         {"--http-auth-file", "~readable"},
         {},
         "",
         errc::configuration,
         R"(the HTTP auth file "~readable" (owner )"},
        {"auth of two lines",
         {},
         {{"CONSUL_HTTP_AUTH", "a:" + hush + "\n"}},
         "",
         errc::usage,
         "CONSUL_HTTP_AUTH is not user:password in one line"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        write_config(box, each.config);
        const asked ask{box, each.options, each.environment};
        const auto made = ask();
        REQUIRE_FALSE(made);
        CAPTURE(made.error().message);
        CHECK(made.error().code == each.code);
        CHECK(made.error().message.find(ask.in_box(std::string{each.message})) != std::string::npos);
        CHECK(made.error().message.find(secret) == std::string::npos);
    }
    write_config(box, "");
    CHECK(asked{box, {"--token-file", "~good_link"}}());
}

TEST_CASE("a secret of another user is refused, with the name of its owner") {
    if (geteuid() != 0) {
        MESSAGE("only root can give a file away: left out");
        return;
    }
    const sandbox box;
    write_config(box, "");
    box.write("foreign", secret);
    REQUIRE(chown((box / "foreign").c_str(), 65534, 0) == 0);
    const auto refused = asked{box, {"--token-file", "~foreign"}}();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "the token file \"" + (box / "foreign") +
                                         "\" (owner nobody, mode 0600) does not belong to root, who reads it; "
                                         "chown root " +
                                         (box / "foreign") + " && chmod 0600 " + (box / "foreign"));
    box.write("grouped", secret, 0640);
    REQUIRE(chown((box / "grouped").c_str(), 0, 65534) == 0);
    const auto grouped = asked{box, {"--token-file", "~grouped"}}();
    REQUIRE_FALSE(grouped);
    CHECK(grouped.error().message.find("can be read by a group that is not the reader's") != std::string::npos);
}

TEST_CASE("where the configuration stands must be known: a home directory that cannot be told is not none") {
    const sandbox box;
    box.write(".powerconsul.conf", R"({"clusterKey": "elsewhere"})");
    invocation call;
    call.args = {"role", "-S", "web"};
    call.host = "production-web1";
    const auto line = cli::parse_command_line(call.args);
    REQUIRE(line);

    call.home = [&] { return result<std::string>{box / ""}; };
    const auto found = configure(call, *line);
    REQUIRE_MESSAGE(found, found.error().message);
    CHECK(found->roles.cluster_key == "elsewhere");

    call.home = []() -> result<std::string> { return fail(errc::io, "cannot look up the user"); };
    const auto unknown = configure(call, *line);
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error() == error{errc::io, "cannot look up the user; set HOME, or name it with --config"});
}

TEST_CASE("a guessed configuration is passed over where HOME is another user's, and nowhere else") {
    const file_status directory{file_kind::directory, 0700, 1000, 1000};
    const error denied{errc::denied, "cannot open it"};
    testing::memory_files files;
    testing::memory_accounts users;
    config::surroundings around{{{"HOME", "/home/bob"}, {"POWERCONSUL_STORE", "/store"}}, "production-web1"};
    config::arguments line;
    const auto ask = [&] {
        return config::configure(around, line, {}, files, users, [] { return result{std::string{}}; });
    };
    files.put("/etc/powerconsul.conf", R"({"clusterKey": "general"})");
    files.fail_on("/home/bob/.powerconsul.conf", denied);
    const auto passed_over = [&] {
        const auto made = ask();
        REQUIRE_MESSAGE(made, made.error().message);
        CHECK(made->roles.cluster_key == "general");
        CHECK(made->settings_file == "/etc/powerconsul.conf");
        CHECK(made->notes == std::vector<std::string>{
                                 "the configuration \"/home/bob/.powerconsul.conf\" is passed over: this user may not "
                                 "read it, and HOME is another user's"});
    };
    const auto refused = [&](const error& why) {
        const auto made = ask();
        REQUIRE_FALSE(made);
        CHECK(made.error() == why);
    };
    const error configuration_denied{errc::configuration, "the configuration: cannot open it"};
    passed_over();  // no more is known of HOME
    files.fail_on("/home/bob/.", denied);
    passed_over();
    files.heal("/home/bob/.");
    auto foreign = directory;
    foreign.uid = 0;
    files.put("/home/bob/.", {}, foreign);
    passed_over();
    files.put("/home/bob/.", {}, directory);
    refused(configuration_denied);
    files.put("/home/bob/.", {}, foreign);
    files.fail_on("/home/bob/.powerconsul.conf", {errc::io, "cannot read it"});
    refused({errc::io, "the configuration: cannot read it"});
    files.fail_on("/home/bob/.powerconsul.conf", denied);
    line.options["config"] = "/home/bob/.powerconsul.conf";
    refused(configuration_denied);
    line.options.clear();
    files.fail_on("/etc/powerconsul.conf", denied);
    refused(configuration_denied);
}

TEST_CASE("a configuration that somebody else can change is refused") {
    testing::memory_files files;
    testing::memory_accounts users;
    users.add_user("consul", 1000).add_user("bob", 1001);
    const auto message = [&](std::uint32_t owner, std::uint32_t mode) -> std::string {
        files.put("/etc/powerconsul.conf", "{}", {file_kind::regular, mode, owner, 1000});
        const config::surroundings around{{{"HOME", ""}, {"POWERCONSUL_STORE", "/store"}}, "production-web1"};
        const auto made = config::configure(around, {}, {}, files, users, [] { return result{std::string{}}; });
        if (!made) CHECK(made.error().code == errc::configuration);
        return made ? "" : made.error().message;
    };
    const std::string start = "the configuration \"/etc/powerconsul.conf\" ";
    for (const std::uint32_t owner : {0U, 1000U}) {
        for (const std::uint32_t mode : {0400U, 0600U, 0640U, 0644U, 0755U}) CHECK(message(owner, mode).empty());
    }
    CHECK(message(1000, 0664) ==
          start + "(owner consul, mode 0664) can be changed by its group; chmod go-w /etc/powerconsul.conf");
    CHECK(message(1000, 0606) ==
          start + "(owner consul, mode 0606) can be changed by others; chmod go-w /etc/powerconsul.conf");
    CHECK(message(1001, 0600) == start +
                                     "(owner bob, mode 0600) belongs to neither root nor consul, who reads it; chown "
                                     "consul /etc/powerconsul.conf && chmod go-w /etc/powerconsul.conf");
    CHECK(message(1002, 0666).starts_with(start + "(owner 1002, mode 0666) belongs to neither"));

    // The file that is read counts, not the link that leads to it.
    const sandbox box;
    box.write("shared", "{}", 0620);
    REQUIRE(symlink("shared", (box / "link").c_str()) == 0);
    const auto linked = asked{box, {"--config", "~link"}}();
    REQUIRE_FALSE(linked);
    CHECK(linked.error().message.find("mode 0620) can be changed by its group") != std::string::npos);
    REQUIRE(chmod((box / "shared").c_str(), 0600) == 0);
    CHECK(asked{box, {"--config", "~link"}}());
}

TEST_CASE("a remedy is worded as this program is told: options, or keys of the configuration") {
    using cli::worded;
    CHECK(worded({errc::io, "broken"}) == "broken");
    CHECK(worded({errc::io, "broken", "environment"}) == "broken; set --environment");
    CHECK(worded({errc::io, "broken", "serviceManager"}) == "broken; set --service-manager");
    CHECK(worded({errc::io, "broken", "plugin"}) == "broken; set --plugin");
    CHECK(worded({errc::io, "broken", "clusterKey environment"}) == "broken; set clusterKey or --environment");
    CHECK(worded({errc::io, "broken", "clusterKey triggerKey environment"}) ==
          "broken; set clusterKey, triggerKey or --environment");
}

TEST_CASE("what a configuration says of triggers is what the watch gets") {
    const sandbox box;
    box.write("config.json", R"({"triggerKey": "t", "noopTriggers": ["db"], "subVars": {"A": "b"}, "trigger":
        {"timeout": "2m", "grace": 5, "backoff": "1s", "maxBackoff": "1h", "settle": "45s", "attempts": 7,
         "parallel": "64"}})");
    const auto chosen = asked{box}();
    REQUIRE_MESSAGE(chosen, chosen.error().message);
    const auto& watch = chosen->watch;
    CHECK(watch.retry.backoff == seconds(1));
    CHECK(watch.retry.longest == seconds(3600));
    CHECK(watch.retry.settle == seconds(45));
    CHECK(watch.retry.attempts == 7);
    CHECK(watch.at_once == 64);
    CHECK(watch.triggers.base_key == "t");
    CHECK(watch.triggers.timeout == seconds(120));
    CHECK(watch.triggers.grace == seconds(5));
    REQUIRE(watch.triggers.substitutions.size() == 1);
    CHECK(watch.triggers.substitutions[0].name == "A");
    CHECK(watch.noop_triggers == std::vector<std::string>{"db"});
}

TEST_CASE("the watch looks where init scripts and the stop file stand by option, variable or key") {
    const sandbox box;
    write_config(box, "");
    const auto watch = [&](std::vector<std::string> options, variables environment) {
        const auto made = asked{box, std::move(options), std::move(environment)}();
        REQUIRE_MESSAGE(made, made.error().message);
        CHECK(made->init_directory == made->watch.init_directory);
        return made->watch;
    };
    CHECK(watch({}, {}).init_directory == "/etc/init.d");
    CHECK(watch({}, {}).stop_file == "/etc/powerconsul.stop");
    CHECK_FALSE(watch({}, {}).manager);
    box.write("config.json", R"({"initDirectory": "/of/file", "stopFile": "/stop/of/file", "serviceManager": "sysv"})");
    CHECK(watch({}, {}).init_directory == "/of/file");
    CHECK(watch({}, {}).stop_file == "/stop/of/file");
    CHECK(watch({}, {}).manager == service_manager::sysv);
    const variables both{{"POWERCONSUL_INIT_DIRECTORY", "/of/variable"},
                         {"POWERCONSUL_STOP_FILE", "/stop/of/variable"}};
    CHECK(watch({}, both).init_directory == "/of/variable");
    CHECK(watch({}, both).stop_file == "/stop/of/variable");
}

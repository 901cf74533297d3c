#include <powerconsul/probes/process/invocation.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("a call is this program's name and a command behind it") {
    struct row {
        std::string_view name;
        std::string_view line;
        invocations expected;
    };
    constexpr invocations none{};
    constexpr invocations other{.any = true};
    constexpr invocations check{.any = true, .check = true, .first_check = true};
    constexpr invocations later_check{.any = true, .check = true};
    static constexpr row rows[] = {
        {"empty", "", none},
        {"blanks", " \t ", none},
        {"another program", "nginx -g daemon off;", none},
        {"its name alone", "powerconsul", none},
        {"its name without a command", "powerconsul --version", none},
        {"a command alone", "check", none},
        {"a command before its name", "check powerconsul", none},
        {"a path that ends like it", "perl work --log /var/log/powerconsul", none},
        {"a folder", "/opt/powerconsul/run check", none},
        {"a longer name", "powerconsul-agent check", none},
        {"a shorter name", "powercons check", none},
        {"a name in front of it", "my-powerconsul check", none},
        {"another case", "Powerconsul check", none},
        {"check", "powerconsul check service -s a -S b", check},
        {"with a path", "/usr/bin/powerconsul check", check},
        {"options before the command", "powerconsul --http-addr :8500 check process", check},
        {"watch", "powerconsul watch critical", other},
        {"trigger", "powerconsul trigger warning", other},
        {"role", "powerconsul role -S x", other},
        {"incidents", "powerconsul incidents", other},
        {"doctor", "powerconsul doctor", other},
        {"lint", "powerconsul lint", other},
        {"acl-policy", "powerconsul acl-policy", other},
        {"help", "powerconsul help check", other},
        {"no command of it", "powerconsul checks", none},
        {"a path that ends like a command", "powerconsul /tmp/check", none},
        {"sudo", "sudo -u consul powerconsul check crontab", check},
        {"a shell", "sh -c exec '/usr/bin/powerconsul' check -P \"x\"", check},
        {"a sign behind the path", "sh -c /opt/bin/'powerconsul check", check},
        {"in signs", "sh -c (\"powerconsul\" `check`)", check},
        {"a command before a sign", "sh -c powerconsul lint; true", other},
        {"the words of a trigger", "powerconsul trigger critical -s {\"Name\": \"health check\"}", other},
        {"two calls", "sh -c powerconsul lint && powerconsul check process", later_check},
        {"two calls, the check first", "sh -c powerconsul check process || powerconsul doctor", check},
        {"under another name", "/opt/bin/pcheck check", check},
        {"another name without a command", "/opt/bin/pcheck -v", none},
        {"check_procs", "/usr/lib/nagios/plugins/check_procs -c 1: -a x", check},
        {"check_procs below sudo", "sudo -u nagios /usr/lib/nagios/plugins/check_procs 1: -a x", check},
        {"check_procs in a shell", "sh -c '/usr/lib/nagios/plugins/check_procs' --ereg-argument-array=x", check},
        {"check_procs without an option", "tail /var/log/check_procs", none},
        {"check_procs behind the option", "tail -f /var/log/check_procs", none},
        {"a file of check_procs", "vi /etc/nagios/check_procs.cfg -R", none},
        {"check_procs after another call", "sh -c powerconsul lint; check_procs -a x", later_check},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(find_invocations(each.line, "pcheck") == each.expected);
    }
    static_assert(find_invocations(rows[13].line, "") == check);
    CHECK(find_invocations("/opt/bin/pcheck check", "") == none);
    CHECK(find_invocations("/ check", "") == none);
    CHECK(find_invocations("check check", "check") == check);
}

TEST_CASE("of its own name the kernel keeps 15 bytes") {
    CHECK(is_own_name("powerconsul", ""));
    CHECK(is_own_name("powerconsul", "pcheck"));
    CHECK(is_own_name("powerconsul-dyn", "pcheck"));
    CHECK(is_own_name("powerconsul-htt", ""));
    CHECK(is_own_name("pcheck", "pcheck"));
    CHECK(is_own_name("powerconsul-tes", "powerconsul-testing"));
    CHECK_FALSE(is_own_name("powerconsul-testing", "powerconsul-testing"));
    CHECK_FALSE(is_own_name("powerconsul-tes", "pcheck"));
    CHECK_FALSE(is_own_name("pcheck", ""));
    CHECK_FALSE(is_own_name("", ""));
}

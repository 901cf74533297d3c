// A service that checks a thing of its own beside the ones that are shipped: a mail relay, which must work on one of
// two nodes only. Its queue is looked at by a small struct, its licence by a lambda, and its crontab by the shipped
// probe. All of them are held against one role, which is asked for once. Files and accounts are made up here, so that
// the output is the same on every machine; a real service uses posix_files and posix_accounts.

#include <cstddef>
#include <cstdio>
#include <string>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/powerconsul.hpp>
#include <powerconsul/probes/crontab/crontab.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

namespace {

struct mail_queue {
    bool open{true};
    std::size_t waiting{};
};

/// Any callable that returns `observed` is a probe. Note the reason: it names no number that changes all the time,
/// since each changed output costs Consul a write.
struct queue_probe {
    const mail_queue& queue;
    std::size_t many{1000};

    auto operator()() const -> observed {
        if (!queue.open) return {observation::stopped, "it takes no mail"};
        if (queue.waiting > many) return {observation::degraded, "more than " + std::to_string(many) + " mails wait"};
        return {observation::running, "it takes mail"};
    }
};

}  // namespace

int main() {
    store consul{{.node = "production-mail1", .datacenter = "hq"}};
    consul.put("hq", "cluster/production/mail",
               R"({"active_nodes": ["production-mail1"], "standby_nodes": ["production-mail2"]})");

    testing::memory_accounts accounts;
    accounts.add_user("mail", 8).add_group("crontab", 105);
    testing::memory_files files;
    files.put("/var/spool/cron/crontabs/mail", "# every hour\n#0 * * * * /usr/lib/mail/flush\n",
              {.kind = file_kind::regular, .mode = 0600, .uid = 8, .gid = 105});

    posix_clock time;
    role_resolver roles{consul, time, files, "/var/lib/mail", {.who = {.host = "production-mail1"}}};
    const auto facts = roles.resolve("mail", seconds(5));

    mail_queue queue;
    queue.waiting = 5000;
    const auto show = [](const check_report& report) { std::printf("%s\n", nagios_line(report).c_str()); };
    show(check({.kind = "queue", .name = "the mail queue"}, facts, queue_probe{queue}));
    show(check({.kind = "licence", .name = "the licence"}, facts, [] {
        return observed{observation::running, "it is valid"};
    }));

    const auto crontab = check({.kind = "crontab", .name = "mail", .title = "the crontab of mail"}, facts,
                               crontab_probe{{.user = "mail", .pattern = "flush"}, files, accounts});
    show(crontab);
    std::printf("%s\n", json::check_line(crontab, exit_status(crontab.state)).c_str());
}

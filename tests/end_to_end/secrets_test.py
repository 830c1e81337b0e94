# SPDX-License-Identifier: Apache-2.0
"""No secret of a recipe reaches anybody who may not read the recipe. A secret of its own is planted in every option that
the table of commands marks, every idiom of the table of scripts, in words, addresses, comments, add-ons and options of
the request. The builds' worker is one that says all that it knows wherever a worker can say something. Then nothing that
the service answers, logs or keeps may hold one of them: only the rows of stored recipes do, which their token opens."""
import json
import re
import sqlite3
import unittest
import urllib.parse

import readers_test
import service

PLANT = re.compile(r'Zq[0-9]{4}[a-z]{6}')
TINY = (service.SOURCE / 'tests/data/recipes/tiny.ks').read_text()
TEXT = {'Content-Type': 'text/x-kickstart'}
KEPT = {'log.txt', 'events.jsonl'}

# Says every planted secret, and the whole recipe, in each way that a worker has. What it publishes of the recipe is what
# a real one does: the plan.
WORKER = r'''#!/usr/bin/env python3
import hashlib, json, pathlib, re, subprocess, sys
job = pathlib.Path(sys.argv[1])
recipe = (job / 'recipe.ks').read_text()
request = json.loads((job / 'request.json').read_text())
mirrors = request['options'].get('mirror', [])
words = sorted(set(re.findall('Zq[0-9]{4}[a-z]{6}', recipe + json.dumps(request['options']))))
def say(**what): print(json.dumps(what), flush=True)
print(recipe, file=sys.stderr, flush=True)
say(steps=[{'name': f'step {word}', 'weight': 1} for word in words])
for word in words:
    say(step=f'step {word}')
    say(log=f'it is {word}.')
    print('stderr:' + word, flush=True, file=sys.stderr)
    print('no line of the protocol: ' + word, flush=True)
for line in recipe.split('\n') + mirrors:
    say(log=line)
(job / 'plan.json').write_text(recipe)
(job / 'work').mkdir()
(job / 'work/notes').write_text(recipe)
if 'name=fails' in recipe:
    say(error='it knows ' + ' '.join(words))
    sys.exit(1)
tool = pathlib.Path(sys.argv[0]).with_name('xenkiln')
told = subprocess.run([tool, 'kickstart', 'plan', '--json', job / 'recipe.ks'], capture_output=True, text=True).stdout
plan = json.loads(told)['plan']
stem = f"tiny-{request['date']}-pvhvm"
(job / 'out').mkdir()
products = []
for kind, content in (('xva', b'image'), ('report.json', told.encode()), ('report.txt', json.dumps(plan, indent=1).encode())):
    (job / 'out' / f'{stem}.{kind}').write_bytes(content)
    sha256, md5 = hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest()
    image = kind == 'xva'
    products.append({'file_name': f'{stem}.{kind}', 'format': kind, 'size': len(content), 'sha256': sha256, 'md5': md5,
                     'image_size': len(content) if image else 0, 'image_sha256': sha256 if image else '',
                     'image_md5': md5 if image else ''})
(job / 'result.json').write_text(json.dumps({'release_name': stem, 'title': plan['title'], 'details': {'plan': plan},
                                             'products': products}))
'''

# A line for each option that the table marks, which its release reads and for which the option has a meaning.
OPTIONS = {
    ('auth', 'winbindjoin'): 'auth --winbindjoin=admin%@',
    ('authconfig', 'winbindjoin'): 'authconfig --enablewinbind --winbindjoin=@',
    ('autopart', 'passphrase'): 'autopart --encrypted --passphrase=@',
    ('autopart', 'hw-passphrase'): '#version=F41\nautopart --hw-passphrase=@',
    ('bootloader', 'password'): 'bootloader --password=@',
    ('bootloader', 'md5pass'): 'bootloader --md5pass @',
    ('iscsi', 'password'): 'iscsi --ipaddr=10.0.0.1 --user=me --password=@',
    ('iscsi', 'reverse-password'): 'iscsi --ipaddr=10.0.0.1 --reverse-user=me --reverse-password=@',
    ('logvol', 'passphrase'): 'logvol /srv --vgname=vg --name=srv --size=100 --encrypted --passphrase=@',
    ('network', 'wepkey'): 'network --device=wlan0 --bootproto=dhcp --essid=air --wepkey=@',
    ('network', 'wpakey'): 'network --device=wlan0 --bootproto=dhcp --essid=air --wpakey="@"',
    ('part', 'passphrase'): "part /srv --size=100 --encrypted --passphrase='@'",
    ('part', 'hw-passphrase'): '#version=F41\npart /srv --size=100 --hw-passphrase=@',
    ('partition', 'passphrase'): 'partition /srv --size=100 --passph @',
    ('partition', 'hw-passphrase'): '#version=F41\npartition /srv --size=100 --hw-passphrase=@',
    ('raid', 'passphrase'): 'raid / --device=md0 --level=1 --passphrase=@ raid.01 raid.02',
    ('rdp', 'password'): '#version=F43\nrdp --username=me --password=@',
    ('realm', 'one-time-password'): 'realm join --one-time-password=@ host.example',
    ('rhsm', 'activation-key'): '#version=RHEL8\nrhsm --organization=1 --activation-key=@',
    ('user', 'password'): 'user --name=ada --password=@ --plaintext',
    ('vnc', 'password'): 'vnc --password=@',
}
# What else there is: words of commands, addresses, comments, sections; and lines that cannot be read.
OTHERS = [
    'rootpw --plaintext @', 'rootpw "@"', 'sshpw --username=root @ --plaintext', '#version=RHEL5\nkey @',
    'preseed passwd/user-password password @', 'bootloader --append="quiet rd.iscsi.password=@"',
    'url --url=http://me:@@mirror.example/debian', 'repo --name=a --baseurl=https://@@mirror.example/a',
    'repo --name=b --baseurl=https://mirror.example/b?token=@', 'url --url=http://mirror.example/ --proxy=http://me:@@proxy:80',
    '%include http://me:@@host.example/a.ks', '#xenkiln: mirror=http://me:@@mirror.example/debian',
    '# rootpw @', '# the password: @', '## user --name=a --password=@', '# see https://me:@@host.example/', 'lang C # token=@',
    '%addon org_example\npassword = @\n%end', '%addon com_redhat_kdump --enable\napi_key=@\n%end',
    '%certificate --filename=a.pem\n-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----\n%end',
    '%packages\nhttp://me:@@host.example/a.rpm\n%end', '%pre\necho root:@ | chpasswd\n%end',
    '%post --nochroot\nuseradd -p @ ada\n%end', '%anaconda\npwpolicy root --password=@\n%end', 'rootpww @', 'rootpw "@',
    'user --name=ada --pasword=@', 'part / --fstype=ext4 --size=1 --fsoptions=credentials=x,password=@',
]
SCRIPT_LINES = [
    'curl -H "Authorization: Bearer @" https://host.example/', 'curl https://me:@@host.example/', 'wget "https://h.example/?key=@"',
    'export DB_PASSWORD=@', 'echo "password = @" > /etc/example', 'machine h.example login me password @',
    'mysql -e "CREATE USER a IDENTIFIED BY \'@\'"', 'any-program --db-password @', '# echo root:@ | chpasswd', 'chpasswd <<END\nroot:@\nEND',
    'curl \\\n  --user me:@ https://host.example/',
]


def marked_options():
    """(command, option) of each option with a star in the table of commands."""
    table = (service.SOURCE / 'kickstart/command_data.cpp').read_text()
    shared = {'ENCRYPTION': 'encryption', 'FILESYSTEM': 'file_system', 'PART': 'part_options', 'TLS': 'tls'}
    constants = {name: ''.join(re.findall(r'"([^"]*)"', value))
                 for name, value in re.findall(r'constexpr const char\* (\w+) =\s*((?:"[^"]*"\s*)+);', table)}
    found = set()
    for name, row in re.findall(r'\{\.name = "([^"]+)"(.*?)\},\n(?=    \{|\};)', table + '};', re.S):
        options = re.search(r'\.options =\s*((?:"[^"]*"\s*)+)', row)
        words = ' '.join(re.findall(r'"([^"]*)"', options.group(1))) if options else ''
        for short, long in shared.items():
            words = words.replace(short, constants.get(long, ''))
        found |= {(name, option) for option in re.findall(r'([a-z0-9-]+)\*=', words)}
    return found


def script_idioms():
    """A shell line for each program with each of its words in the table of scripts."""
    table = (service.SOURCE / 'kickstart/script_secrets.cpp').read_text()
    rows = re.findall(r'Idiom\{((?:\s*"[^"]*")+),\s*((?:\s*"[^"]*")+)\s*\}', table)
    lines = []
    for programs, words in rows:
        for program in ' '.join(re.findall(r'"([^"]*)"', programs)).split():
            for word in ' '.join(re.findall(r'"([^"]*)"', words)).split():
                if program == 'debconf-set-selections':
                    lines.append(f'echo "example example/password password @" | {program}')
                elif word in ('*', '|'):
                    lines.append(f'echo root:@ | {program}')
                elif word.endswith('stdin') or program == 'sudo':
                    lines.append(f'echo @ | {program} {word}')
                else:
                    lines.append(f'{program} {word} @')
    return lines


class Secrets(unittest.TestCase):
    def setUp(self):
        self.planted = {}
        self.service = service.Service()
        self.addCleanup(self.service.close)
        (self.service.bin / 'xenkiln-worker').write_text(WORKER)
        self.service.start('--queued-jobs', '1000')

    def plant(self, text):
        """The text with a secret of its own in the place of each "@" that is none of an address."""
        def one(_):
            number = len(self.planted)
            secret = f'Zq{number:04d}' + ''.join(chr(ord('a') + (number * 7 + i * 11) % 26) for i in range(6))
            self.planted[secret] = text
            return secret
        return re.sub(r'@(?=@)|(?<!@)@', one, text)

    def assert_none_in(self, answer, where):
        text = answer if isinstance(answer, str) else answer.decode('latin-1')
        found = sorted(set(PLANT.findall(text)) & set(self.planted))
        self.assertEqual([(secret, self.planted[secret]) for secret in found], [], where)

    def ask(self, path, status=200, headers=None):
        got, answer_headers, body = self.service.request('GET', path, headers=headers)
        self.assertEqual(got, status, (path, body[:300]))
        self.assert_none_in(repr(answer_headers), path)
        self.assert_none_in(body, path)
        return body

    def submit(self, recipe, **options):
        """The id of the build; nothing when it is refused. Neither answer may tell a secret."""
        query = urllib.parse.urlencode({'outputs': 'xva', **options})
        status, headers, body = self.service.request('POST', f'/v1/builds?{query}', recipe, TEXT)
        self.assertIn(status, (202, 422), body)
        self.assert_none_in(repr(headers) + body.decode(), (body, recipe, options))
        return json.loads(body)['id'] if status == 202 else None

    def told_of(self, build):
        job = self.service.wait(build)
        _, log, events = (self.ask(f'/v1/builds/{build}{part}') for part in ('', '/log', '/events'))
        self.assertIn(b'it is (removed).', events, 'the worker did speak')
        self.assertIn(b'step (removed)', events)
        self.assertIn(b'stderr:(removed)', log)
        if job['state'] == 'failed':
            self.assertIn('it knows (removed)', job['error'])
            return
        self.assertEqual(job['state'], 'done', job)
        release = json.loads(self.ask(f'/v1/releases/{job["release"]}'))
        self.ask(f'/releases/{job["release"]}')
        self.assertLessEqual({'kickstart', 'report.json', 'report.txt'}, {file['format'] for file in release['artifacts']})
        for file in release['artifacts']:
            self.ask(f'/download/{job["release"]}/{file["file_name"]}')
            self.ask(f'/v1/artifacts/{file["sha256"]}')

    def lint_tells_nothing(self, recipe):
        for accept in ('application/json', 'application/sarif+json', 'text/plain'):
            status, _, body = self.service.request('POST', '/v1/kickstart/lint', recipe, TEXT | {'Accept': accept})
            self.assertEqual(status, 200, body)
            self.assert_none_in(body, (accept, recipe))

    def recipes(self):
        """Each line by itself, after the tiny recipe; those of scripts together in one %post."""
        self.assertEqual(set(OPTIONS), marked_options(), 'a line for each secret option of the table, and no others')
        scripts = script_idioms() + SCRIPT_LINES
        self.assertGreater(len(scripts), 150)
        for line in [*OPTIONS.values(), *OTHERS]:
            recipe = self.plant(line) + '\n' + TINY
            if line.startswith(('rootpw', 'bootloader', 'lang')):
                recipe = re.sub(rf'(?m)^{line.split()[0]} .*\n', '', recipe.partition('\n')[2]) + recipe.partition('\n')[0] + '\n'
            yield recipe
        yield TINY + '%post\n' + ''.join(self.plant(line) + '\n' for line in scripts) + '%end\n'

    def test_of_a_recipe_are_in_nothing_that_is_said_published_or_kept_of_a_build(self):
        built, refused, recipes = [], 0, list(self.recipes())
        for recipe in recipes:
            self.lint_tells_nothing(recipe)
            build = self.submit(recipe)
            built += [build] if build else []
            refused += build is None
        built.append(self.submit(recipes[-1].replace('name=tiny', 'name=fails')))
        self.assertIsNotNone(built[-1], 'the recipe of all idioms is built')
        built.append(self.submit(TINY, mirror=self.plant('http://me:@@mirror.example/debian')))
        self.assertGreater(len(built), 20)
        self.assertGreater(refused, 5)
        for build in filter(None, built):
            with self.subTest(build):
                self.told_of(build)
        for page in ('/', '/v1/builds?limit=500', '/v1/releases?limit=500', '/v1/recipes'):
            self.ask(page)
        self.assertEqual(self.service.leftovers(), [])
        self.assertEqual(readers_test.readable_by_others(self.service.data), readers_test.PUBLIC)
        self.service.stop()
        self.assert_none_in(self.service.log_tail(1 << 30), 'the log of the service')
        for path in self.service.data.rglob('*'):
            if path.is_file():
                with self.subTest(path):
                    self.assert_none_in(path.read_bytes(), path)
                self.assertTrue('jobs' not in path.parts or path.name in KEPT, path)

    def test_of_stored_recipes_are_in_their_rows_alone(self):
        tokens = {}
        for number, recipe in enumerate(self.recipes()):
            status, _, body = self.service.request('PUT', f'/v1/recipes/r{number}', recipe, TEXT)
            self.assertIn(status, (201, 422), body)
            self.assert_none_in(body, recipe)
            if status == 201:
                tokens[f'r{number}'] = (json.loads(body)['token'], recipe)
        self.assertGreater(len(tokens), 30)
        for name, (token, recipe) in tokens.items():
            for path in (f'/v1/recipes/{name}', f'/v1/recipes/{name}/1', f'/recipes/{name}', f'/recipes/{name}/1.ks'):
                self.ask(path)
            _, _, whole = self.service.request('GET', f'/recipes/{name}/1.ks', headers={'Authorization': f'Bearer {token}'})
            self.assertEqual(whole.decode(), recipe, 'its token opens all of it')
            self.ask(f'/recipes/{name}/1.ks', 401, {'Authorization': 'Bearer ' + 'x' * len(token)})
        self.ask('/v1/recipes?limit=500')
        self.service.stop()
        self.assert_none_in(self.service.log_tail(1 << 30), 'the log of the service')
        base = sqlite3.connect(self.service.data / 'catalog.sqlite')
        tables = [name for name, in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = {}
        for table in tables:
            rows = base.execute(f'SELECT * FROM {table}')
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row):
                    if PLANT.search(str(value)):
                        kept.setdefault((table, column), 0)
                        kept[table, column] += 1
        base.close()
        self.assertEqual(kept, {('recipe', 'text'): len(tokens)})
        for path in self.service.data.rglob('*'):
            if path.is_file() and path.name != 'catalog.sqlite':
                self.assert_none_in(path.read_bytes(), path)


if __name__ == '__main__':
    unittest.main(verbosity=2)

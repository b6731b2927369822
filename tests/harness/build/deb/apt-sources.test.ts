import { expect } from 'chai';
import fc from 'fast-check';
import { chooseArchive, parseDeb822, parseOneLine, parseOsRelease } from '../../../../harness/build/deb/apt-sources.js';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const host = { ids: ['debian'], codename: 'bookworm' };

const deb822 = `# a comment
Types: deb deb-src
# a comment within
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: ${keyring}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: ${keyring}

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://switched-off.example/debian
Suites: bookworm
Components: main
`;

const thirdParties = `
deb [signed-by=/usr/share/keyrings/cloud.gpg] https://packages.example/apt cloud-sdk-bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/vendor.asc] https://vendor.example/linux/debian bookworm main # a vendor's
deb [signed-by=/usr/share/keyrings/tools.gpg] https://tools.example bookworm main
deb https://flat.example/ ./
deb cdrom:[Debian]/ bookworm main
deb-src http://mirror.example/debian bookworm main
`;

describe("the host's apt sources", () => {
  it('are read from deb822 stanzas, without comments, sources and what is switched off', () => {
    expect(parseDeb822(deb822)).to.deep.equal([
      {
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm', 'bookworm-updates'],
        components: ['main', 'contrib'],
        signedBy: keyring,
      },
      {
        uris: ['http://mirror.example/debian-security'],
        suites: ['bookworm-security'],
        components: ['main'],
        signedBy: keyring,
      },
    ]);
  });

  it('keep a key that is written into the stanza', () => {
    const key = '\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n -----END PGP PUBLIC KEY BLOCK-----';
    const [source] = parseDeb822(
      `Types: deb\nURIs: http://m.example/debian\nSuites: sid\nComponents: main\nSigned-By:${key}\n`,
    );
    expect(source?.signedBy).to.equal(key);
  });

  it('are read from one-line entries, and never take over that an entry is trusted unchecked', () => {
    const parsed = parseOneLine(
      `deb [ arch=amd64 trusted=yes signed-by=${keyring} ] http://m.example/debian/ bookworm main contrib`,
    );
    expect(parsed).to.deep.equal([
      { uris: ['http://m.example/debian/'], suites: ['bookworm'], components: ['main', 'contrib'], signedBy: keyring },
    ]);
    expect(parseOneLine(thirdParties).map((source) => source.uris[0])).to.deep.equal([
      'https://packages.example/apt',
      'https://vendor.example/linux/debian',
      'https://tools.example',
    ]);
  });

  it('never stumble, whatever a file holds', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('Types: deb', 'URIs: http://x/', 'Suites: sid', 'Components: main', '', ' .', 'deb [a', '#'),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const source of [...parseDeb822(lines.join('\n')), ...parseOneLine(lines.join('\n'))]) {
          expect(source.uris).to.not.be.empty;
          expect(source.suites).to.not.be.empty;
          expect(source.components).to.not.be.empty;
        }
      }),
    );
  });
});

describe("the archive of the host's distribution", () => {
  const others = parseOneLine(thirdParties);

  it('is chosen among third-party repositories, with its security source', () => {
    const chosen = chooseArchive([...others, ...parseDeb822(deb822)], host);
    expect(chosen?.main.uris).to.deep.equal(['http://mirror.example/debian']);
    expect(chosen?.security?.uris).to.deep.equal(['http://mirror.example/debian-security']);
  });

  it('is known without Signed-By, and on a snapshot mirror', () => {
    const lines =
      'deb http://snapshot.example/archive/debian/20250520T000000Z bookworm main\ndeb http://s.example/debian-security bookworm-security main';
    const chosen = chooseArchive([...others, ...parseOneLine(lines)], host);
    expect(chosen?.main.uris[0]).to.equal('http://snapshot.example/archive/debian/20250520T000000Z');
    expect(chosen?.security?.uris[0]).to.equal('http://s.example/debian-security');
  });

  it('is not mistaken for a security source when that comes first', () => {
    const chosen = chooseArchive(parseDeb822(deb822).reverse(), host);
    expect(chosen?.main.suites).to.include('bookworm');
  });

  it('is not there when only third parties are', () => {
    expect(chooseArchive(others, host)).to.equal(undefined);
    expect(chooseArchive(parseDeb822(deb822), { ids: ['fedora'], codename: '' })).to.equal(undefined);
  });

  it('needs the names in os-release', () => {
    const text = 'PRETTY_NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=\'wilma\'\n';
    expect(parseOsRelease(text)).to.deep.equal({ ids: ['linuxmint', 'ubuntu', 'debian'], codename: 'wilma' });
  });
});

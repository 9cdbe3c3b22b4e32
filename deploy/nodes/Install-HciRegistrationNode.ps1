#Requires -Version 5.1
#Requires -RunAsAdministrator

<#
.SYNOPSIS
Prepares a node of an Azure Stack HCI cluster so that the registration controller can reach it over SSH, and do nothing there but
the operations of hcireg.ps1.

.DESCRIPTION
Run it on every node, in a console with administrator rights. It can be run again: what is there is kept, what differs is set.
It installs OpenSSH Server where Windows offers it, makes a local administrator whose password nobody knows, a file with the keys
that may log on as this account and no other, a block in sshd_config with a forced command, the script in a folder that only
administrators may open, and the event source. What it made is written down for Uninstall-HciRegistrationNode.ps1.

.PARAMETER PublicKey
One or two public keys of the controller (the second one during a rotation), as lines of an authorized_keys file.

.PARAMETER UserName
The local account, spec.nodes.transport.ssh.user of the registration.

.PARAMETER ScriptPath
The script to install: hcireg.ps1 of the controller's release, signed if your policies ask for it.

.EXAMPLE
.\Install-HciRegistrationNode.ps1 -PublicKey (Get-Content -Path .\controller.pub)
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)]
    [ValidateCount(1, 2)]
    [ValidatePattern('^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+={0,3}( [ -~]*)?$')]
    [string[]] $PublicKey,

    [ValidatePattern('^[A-Za-z][A-Za-z0-9_-]{0,19}$')]
    [string] $UserName = 'hcireg',

    [string] $ScriptPath = (Join-Path -Path $PSScriptRoot -ChildPath 'hcireg.ps1')
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$languageMode = "$($ExecutionContext.SessionState.LanguageMode)"
if ($languageMode -ne 'FullLanguage') {
    throw "Application control lets unsigned scripts run in $languageMode only, and this one needs FullLanguage. Sign the scripts of deploy/nodes with a certificate that this node's policy trusts (docs/nodes.md), then run it again. Nothing was changed."
}

$administrators = '*S-1-5-32-544'
$system = '*S-1-5-18'
$installKey = 'HKLM:\SOFTWARE\HciRegistration\Install'
$scriptFolder = 'C:\Program Files\HciRegistration'
$installedScript = "$scriptFolder\hcireg.ps1"
$sshFolder = "$env:ProgramData\ssh"
$configFile = "$sshFolder\sshd_config"
$keyFile = "$sshFolder\hcireg_authorized_keys"
$ruleName = 'HciRegistration-SSH-In'
$blockBegin = '# BEGIN HciRegistration'
$blockEnd = '# END HciRegistration'

# What this installer made, and nobody else: the uninstaller takes away no more than that.
function Save-Made {
    param($Name, $Value)
    if (-not (Test-Path -Path $installKey)) {
        $null = New-Item -Path $installKey -Force
    }
    if ($null -eq (Get-ItemProperty -Path $installKey).$Name) {
        $null = New-ItemProperty -Path $installKey -Name $Name -PropertyType String -Value $Value
    }
}

function Invoke-Program {
    param($Path, $Arguments)
    $output = & $Path @Arguments
    if ($LASTEXITCODE -ne 0) {
        throw "$Path $Arguments ended with $LASTEXITCODE. $($output -join ' ')"
    }
    return $output
}

function Protect-Item {
    param($Path, $Rights)
    $null = Invoke-Program -Path "$env:SystemRoot\System32\icacls.exe" -Arguments @($Path, '/setowner', $administrators)
    $null = Invoke-Program -Path "$env:SystemRoot\System32\icacls.exe" -Arguments @(
        $Path, '/inheritance:r', '/grant:r', "${administrators}:$Rights", "${system}:$Rights"
    )
}

function Install-SshServer {
    if ($null -eq (Get-Service -Name sshd -ErrorAction SilentlyContinue)) {
        $capability = @(Get-WindowsCapability -Online -Name 'OpenSSH.Server*')[0]
        if ($null -eq $capability) {
            throw 'This Windows does not offer OpenSSH Server. Install it from the MSI of the Win32-OpenSSH project (8.1 or later), then run this again.'
        }
        $null = Add-WindowsCapability -Online -Name $capability.Name
        Save-Made -Name 'Capability' -Value $capability.Name
    }
    $service = Get-Service -Name sshd
    if ("$($service.StartType)" -ne 'Automatic') {
        Save-Made -Name 'StartType' -Value "$($service.StartType)"
        Set-Service -Name sshd -StartupType Automatic
    }
    if ("$($service.Status)" -ne 'Running') {
        # Its first start makes the host keys and sshd_config.
        Start-Service -Name sshd
    }
}

function Get-SshProgram {
    param($Name)
    $sshd = (Get-CimInstance -ClassName Win32_Service -Filter "Name = 'sshd'").PathName
    $path = $sshd -replace '^"?([^"]+)\\sshd\.exe.*$', "`$1\$Name"
    if (-not (Test-Path -Path $path)) {
        throw "$path does not exist."
    }
    return $path
}

# The rule that newer releases of Windows bring along is for private networks only.
function Open-Firewall {
    $open = @(
        Get-NetFirewallPortFilter -Protocol TCP |
            Where-Object { $_.LocalPort -contains '22' } |
            Get-NetFirewallRule |
            Where-Object { "$($_.Direction)" -eq 'Inbound' -and "$($_.Action)" -eq 'Allow' -and "$($_.Enabled)" -eq 'True' } |
            Where-Object { "$($_.Profile)" -match '\b(Any|Domain)\b' }
    )
    if ($open.Count -eq 0) {
        $rule = @{
            Name        = $ruleName
            DisplayName = 'HCI registration controller (SSH)'
            Direction   = 'Inbound'
            Protocol    = 'TCP'
            LocalPort   = 22
            Profile     = 'Any'
            Action      = 'Allow'
        }
        $null = New-NetFirewallRule @rule
        Save-Made -Name 'FirewallRule' -Value $ruleName
    }
}

function New-UnknownPassword {
    $bytes = New-Object -TypeName 'byte[]' -ArgumentList 48
    $generator = [System.Security.Cryptography.RandomNumberGenerator]::Create()
    $generator.GetBytes($bytes)
    $generator.Dispose()
    return ConvertTo-SecureString -String ('aA1!' + [Convert]::ToBase64String($bytes)) -AsPlainText -Force
}

function Install-Account {
    if ($null -eq (Get-LocalUser -Name $UserName -ErrorAction SilentlyContinue)) {
        $account = @{
            Name                     = $UserName
            Password                 = New-UnknownPassword
            Description              = 'HCI registration controller, SSH key only'
            PasswordNeverExpires     = $true
            UserMayNotChangePassword = $true
        }
        $null = New-LocalUser @account
        Save-Made -Name 'UserName' -Value $UserName
    }
    # Not listed first: Get-LocalGroupMember fails where the group has a member that no longer exists.
    try {
        Add-LocalGroupMember -SID 'S-1-5-32-544' -Member $UserName
        Save-Made -Name 'Administrator' -Value $UserName
    }
    catch {
        if ($_.FullyQualifiedErrorId -notlike 'MemberExists*') {
            throw
        }
    }
}

# Not administrators_authorized_keys: a key in there may log on as every administrator, most of whom have no forced command.
function Install-Key {
    $lines = @($PublicKey | ForEach-Object { "restrict $_" })
    # First, here and below: what is interrupted halfway has to be known, too.
    Save-Made -Name 'KeyFile' -Value $keyFile
    Set-Content -Path $keyFile -Value $lines -Encoding Ascii
    Protect-Item -Path $keyFile -Rights 'F'
}

function Install-Script {
    Save-Made -Name 'Script' -Value $installedScript
    if (-not (Test-Path -Path $scriptFolder)) {
        $null = New-Item -Path $scriptFolder -ItemType Directory
    }
    Protect-Item -Path $scriptFolder -Rights '(OI)(CI)F'
    Copy-Item -Path $ScriptPath -Destination $installedScript -Force
    Unblock-File -Path $installedScript
}

function Install-EventSource {
    if (-not [System.Diagnostics.EventLog]::SourceExists('HciRegistration')) {
        New-EventLog -LogName Application -Source HciRegistration
        Save-Made -Name 'EventSource' -Value 'HciRegistration'
    }
}

# The lines of sshd_config without our block.
function Get-OtherLine {
    $inside = $false
    foreach ($line in @(Get-Content -Path $configFile)) {
        if ($line -eq $blockBegin) {
            $inside = $true
        }
        if (-not $inside) {
            $line
        }
        if ($line -eq $blockEnd) {
            $inside = $false
        }
    }
}

function Install-ForcedCommand {
    $policy = 'RemoteSigned'
    if ("$((Get-AuthenticodeSignature -FilePath $installedScript).Status)" -eq 'Valid') {
        $policy = 'AllSigned'
    }
    $command = "powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy $policy -File `"$installedScript`""
    $block = @(
        $blockBegin
        "Match User $($UserName.ToLowerInvariant())"
        '    AuthorizedKeysFile __PROGRAMDATA__/ssh/hcireg_authorized_keys'
        '    AuthenticationMethods publickey'
        '    PasswordAuthentication no'
        "    ForceCommand $command"
        '    PermitTTY no'
        '    AllowTcpForwarding no'
        '    AllowAgentForwarding no'
        '    MaxSessions 5'
        $blockEnd
    )
    # Of several blocks that match, the first one holds: ours has to stand before the one for all administrators.
    $before = @()
    $after = @()
    foreach ($line in @(Get-OtherLine)) {
        if ($after.Count -gt 0 -or $line -match '^\s*Match\s') {
            $after += $line
        }
        else {
            $before += $line
        }
    }
    $wanted = $before + $block + $after
    $present = @(Get-Content -Path $configFile)
    if (($wanted -join "`n") -eq ($present -join "`n")) {
        return
    }
    $candidate = "$configFile.hcireg"
    # In the encoding that Get-Content read it in: a byte order mark would break it, ASCII would lose what others wrote.
    Set-Content -Path $candidate -Value $wanted -Encoding Default
    try {
        $null = Invoke-Program -Path (Get-SshProgram -Name 'sshd.exe') -Arguments @('-t', '-f', $candidate)
        Save-Made -Name 'Configuration' -Value $configFile
        Set-Content -Path $configFile -Value $wanted -Encoding Default
    }
    finally {
        Remove-Item -Path $candidate -Force -ErrorAction SilentlyContinue
    }
}

# Also where an earlier run wrote the file and did not come to this. Connections that are open stay open.
function Restart-OutdatedServer {
    $service = Get-CimInstance -ClassName Win32_Service -Filter "Name = 'sshd'"
    $process = Get-CimInstance -ClassName Win32_Process -Filter "ProcessId = $($service.ProcessId)"
    if ("$($service.State)" -ne 'Running' -or $process.CreationDate -lt (Get-Item -Path $configFile).LastWriteTime) {
        Restart-Service -Name sshd
    }
}

function Show-HostKey {
    $keygen = Get-SshProgram -Name 'ssh-keygen.exe'
    $fingerprint = (Invoke-Program -Path $keygen -Arguments @('-l', '-f', "$sshFolder\ssh_host_ed25519_key.pub")) -replace '^.*(SHA256:\S+).*$', '$1'
    $domain = (Get-CimInstance -ClassName Win32_ComputerSystem).Domain
    Write-Output -InputObject 'For spec.nodes.hosts of the HciClusterRegistration:'
    Write-Output -InputObject "- name: $env:COMPUTERNAME"
    Write-Output -InputObject "  address: $("$env:COMPUTERNAME.$domain".ToLowerInvariant())"
    Write-Output -InputObject "  hostKeys: [`"$fingerprint`"]"
}

if (-not (Test-Path -Path $ScriptPath)) {
    throw "$ScriptPath does not exist. Give -ScriptPath the hcireg.ps1 of the controller's release."
}
if (-not (Select-String -Path $ScriptPath -Pattern '^\$contractVersion = ' -Quiet)) {
    throw "$ScriptPath is not hcireg.ps1."
}
$previousUser = ''
if (Test-Path -Path $installKey) {
    $previousUser = "$((Get-ItemProperty -Path $installKey).UserName)"
}
if ($previousUser -ne '' -and $previousUser -ne $UserName) {
    throw "It is installed for the account $previousUser. Run Uninstall-HciRegistrationNode.ps1 first."
}

$installed = $false
if ($PSCmdlet.ShouldProcess($env:COMPUTERNAME, 'Install OpenSSH Server, start it, open TCP port 22')) {
    Install-SshServer
    Open-Firewall
}
if ($PSCmdlet.ShouldProcess($UserName, 'Create the local administrator and let the given keys log on')) {
    Install-Account
    Install-Key
}
if ($PSCmdlet.ShouldProcess($installedScript, 'Install the script and its event source')) {
    Install-Script
    Install-EventSource
}
if ($PSCmdlet.ShouldProcess($configFile, "Force the script on $UserName and restart sshd")) {
    Install-ForcedCommand
    Restart-OutdatedServer
    $installed = $true
}
if ($installed) {
    $shell = "$((Get-ItemProperty -Path 'HKLM:\SOFTWARE\OpenSSH' -ErrorAction SilentlyContinue).DefaultShell)"
    if ($shell -ne '' -and $shell -notmatch '\\cmd\.exe$') {
        Write-Warning -Message "The default shell of OpenSSH is $shell. It hides exit codes and takes standard input: remove the value DefaultShell of HKLM:\SOFTWARE\OpenSSH."
    }
    Show-HostKey
}

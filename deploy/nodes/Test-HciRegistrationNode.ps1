#Requires -Version 5.1
#Requires -RunAsAdministrator

<#
.SYNOPSIS
Says what this node lacks for the registration controller. Changes nothing.

.DESCRIPTION
One line for each thing that is missing, with its remedy; then what the node is like. Ends with exit code 1 if anything is missing.

.PARAMETER Execution
Dispatcher: as Install-HciRegistrationNode.ps1 prepares it. Inline: the controller brings the script along.

.PARAMETER UserName
spec.nodes.transport.ssh.user of the registration.

.EXAMPLE
.\Test-HciRegistrationNode.ps1
#>
[CmdletBinding()]
param(
    [ValidateSet('Dispatcher', 'Inline')]
    [string] $Execution = 'Dispatcher',

    [ValidatePattern('^[A-Za-z][A-Za-z0-9_-]{0,19}$')]
    [string] $UserName = 'hcireg'
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$languageMode = "$($ExecutionContext.SessionState.LanguageMode)"
if ($languageMode -ne 'FullLanguage') {
    throw "Application control lets unsigned scripts run in $languageMode only, and this one needs FullLanguage. Sign the scripts of deploy/nodes with a certificate that this node's policy trusts (docs/nodes.md), then run it again. Nothing was looked at."
}

$sshFolder = "$env:ProgramData\ssh"
$configFile = "$sshFolder\sshd_config"
$keyFile = "$sshFolder\hcireg_authorized_keys"
$scriptFolder = 'C:\Program Files\HciRegistration'
$installedScript = "$scriptFolder\hcireg.ps1"
$install = 'run Install-HciRegistrationNode.ps1'
$results = @{ Passed = 0; Missing = 0 }

# A condition that cannot be evaluated counts as missing, and says why.
function Test-Condition {
    param($What, $Condition, $Remedy)
    $why = ''
    $holds = $false
    try {
        $holds = [bool](& $Condition)
    }
    catch {
        $why = " ($($_.Exception.Message))"
    }
    if ($holds) {
        $results.Passed += 1
    }
    else {
        $results.Missing += 1
        Write-Output -InputObject "MISSING  $What$why. Remedy: $Remedy."
    }
}

function Test-AdministratorsOnly {
    param($Path)
    $allowed = @('S-1-5-32-544', 'S-1-5-18')
    $acl = Get-Acl -Path $Path
    $others = @(
        $acl.GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier]) |
            Where-Object { "$($_.AccessControlType)" -eq 'Allow' -and $_.IdentityReference.Value -notin $allowed }
    )
    $owner = $acl.GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    return $others.Count -eq 0 -and $owner -in $allowed
}

# From the Match line of our account to the next one; nothing if another Match block stands before it.
function Get-AccountBlock {
    $inside = $false
    foreach ($line in @(Get-Content -Path $configFile)) {
        if ($line -match '^\s*Match\s') {
            if ($inside -or $line -notmatch "^\s*Match\s+User\s+$UserName\s*$") {
                return
            }
            $inside = $true
        }
        if ($inside) {
            $line.Trim()
        }
    }
}

function Test-SshServer {
    Test-Condition -What 'OpenSSH Server' -Remedy $install -Condition { Get-Service -Name sshd }
    Test-Condition -What 'sshd starting by itself' -Remedy 'Set-Service -Name sshd -StartupType Automatic' -Condition {
        "$((Get-Service -Name sshd).StartType)" -eq 'Automatic'
    }
    Test-Condition -What 'sshd running' -Remedy 'Start-Service -Name sshd' -Condition { "$((Get-Service -Name sshd).Status)" -eq 'Running' }
    Test-Condition -What 'OpenSSH Server 8.1 or later' -Remedy 'update OpenSSH Server: older ones let a terminal go round the forced command' -Condition {
        (Get-SshVersion) -ge [version]'8.1'
    }
    Test-Condition -What 'an inbound firewall rule for TCP port 22 in the domain profile' -Remedy $install -Condition {
        Get-NetFirewallPortFilter -Protocol TCP |
            Where-Object { $_.LocalPort -contains '22' } |
            Get-NetFirewallRule |
            Where-Object { "$($_.Direction)" -eq 'Inbound' -and "$($_.Action)" -eq 'Allow' -and "$($_.Enabled)" -eq 'True' } |
            Where-Object { "$($_.Profile)" -match '\b(Any|Domain)\b' }
    }
    Test-Condition -What 'cmd.exe as default shell of OpenSSH' -Remedy 'remove the value DefaultShell of HKLM:\SOFTWARE\OpenSSH' -Condition {
        $shell = "$((Get-ItemProperty -Path 'HKLM:\SOFTWARE\OpenSSH' -ErrorAction SilentlyContinue).DefaultShell)"
        $shell -eq '' -or $shell -match '\\cmd\.exe$'
    }
    Test-Condition -What 'sshd_config without AllowUsers, AllowGroups, DenyUsers or DenyGroups' -Remedy "see to it that they let $UserName in, or remove them" -Condition {
        -not (Select-String -Path $configFile -Pattern '^\s*(Allow|Deny)(Users|Groups)\s' -Quiet)
    }
}

function Get-SshVersion {
    $sshd = (Get-CimInstance -ClassName Win32_Service -Filter "Name = 'sshd'").PathName -replace '^"?([^"]+\.exe).*$', '$1'
    $information = (Get-Item -Path $sshd).VersionInfo
    return [version]"$($information.FileMajorPart).$($information.FileMinorPart)"
}

function Test-Account {
    Test-Condition -What "the local account $UserName" -Remedy $install -Condition { (Get-LocalUser -Name $UserName).Enabled }
    Test-Condition -What "$UserName among the local administrators" -Remedy $install -Condition {
        $sid = (Get-LocalUser -Name $UserName).SID.Value
        @(Get-LocalGroupMember -SID 'S-1-5-32-544' | ForEach-Object { $_.SID.Value }) -contains $sid
    }
}

function Test-Dispatcher {
    Test-Condition -What 'one or two keys of the controller' -Remedy $install -Condition {
        @(Get-Content -Path $keyFile | Where-Object { $_ -match '^restrict (ssh|ecdsa)-' }).Count -in @(1, 2)
    }
    Test-Condition -What "access to $keyFile for administrators only" -Remedy $install -Condition { Test-AdministratorsOnly -Path $keyFile }
    $block = @(Get-AccountBlock)
    Test-Condition -What "the block of $UserName in sshd_config, before every other Match" -Remedy $install -Condition { $block.Count -gt 0 }
    $lines = @(
        'AuthorizedKeysFile __PROGRAMDATA__/ssh/hcireg_authorized_keys', 'AuthenticationMethods publickey', 'PasswordAuthentication no',
        'PermitTTY no', 'AllowTcpForwarding no', 'AllowAgentForwarding no', 'MaxSessions 5'
    )
    foreach ($line in $lines) {
        Test-Condition -What "'$line' for $UserName" -Remedy $install -Condition { $block -contains $line }
    }
    Test-Condition -What "the forced command for $UserName" -Remedy $install -Condition {
        @($block | Where-Object { $_ -like "ForceCommand powershell.exe *-File `"$installedScript`"" }).Count -eq 1
    }
    Test-Condition -What 'the script' -Remedy $install -Condition { Test-Path -Path $installedScript }
    Test-Condition -What "access to $scriptFolder for administrators only" -Remedy $install -Condition { Test-AdministratorsOnly -Path $scriptFolder }
    Test-Condition -What 'an execution policy under which the script may run' -Remedy 'sign hcireg.ps1 with a certificate that this node trusts, or change the group policy' -Condition {
        $signed = "$((Get-AuthenticodeSignature -FilePath $installedScript).Status)" -eq 'Valid'
        $forced = @('MachinePolicy', 'UserPolicy') | ForEach-Object { "$(Get-ExecutionPolicy -Scope $_)" } | Where-Object { $_ -ne 'Undefined' }
        $forced -notcontains 'Restricted' -and ($signed -or $forced -notcontains 'AllSigned')
    }
    Test-Condition -What 'the event source HciRegistration' -Remedy $install -Condition { [System.Diagnostics.EventLog]::SourceExists('HciRegistration') }
}

function Test-Product {
    Test-Condition -What 'Windows 17784 or later' -Remedy 'update the operating system' -Condition {
        [int](Get-CimInstance -ClassName Win32_OperatingSystem).BuildNumber -ge 17784
    }
    Test-Condition -What 'the module AzureStackHCI' -Remedy 'this is not the Azure Stack HCI operating system' -Condition {
        Get-Command -Name Get-AzureStackHCI
    }
    Test-Condition -What 'the service hcisvc running' -Remedy 'Start-Service -Name hcisvc' -Condition { "$((Get-Service -Name hcisvc).Status)" -eq 'Running' }
    Test-Condition -What 'Get-AzureStackHCI answering' -Remedy 'look into the event log Microsoft-AzureStack-HCI/Admin' -Condition { Get-AzureStackHCI }
    Test-Condition -What 'the module FailoverClusters' -Remedy 'Install-WindowsFeature -Name RSAT-Clustering-PowerShell' -Condition {
        Get-Command -Name Get-Cluster
    }
    Test-Condition -What 'a cluster that this node belongs to' -Remedy 'create the cluster, or start the service ClusSvc' -Condition { Get-Cluster }
    Test-Condition -What 'all cluster nodes up' -Remedy 'resume or start them: Sync-AzureStackHCI is refused meanwhile' -Condition {
        @(Get-ClusterNode | Where-Object { "$($_.State)" -ne 'Up' }).Count -eq 0
    }
}

function Write-Fact {
    param($Name, $Value)
    $text = ''
    try {
        $text = "$(& $Value)"
    }
    catch {
        $text = "unknown: $($_.Exception.Message)"
    }
    Write-Output -InputObject ('{0,-22} {1}' -f $Name, $text)
}

Test-SshServer
Test-Account
if ($Execution -eq 'Dispatcher') {
    Test-Dispatcher
}
Test-Product

Write-Fact -Name 'Node' -Value { $env:COMPUTERNAME }
Write-Fact -Name 'Windows' -Value { (Get-CimInstance -ClassName Win32_OperatingSystem).Version }
Write-Fact -Name 'OpenSSH' -Value { Get-SshVersion }
Write-Fact -Name 'Script' -Value {
    "release $((Select-String -Path $installedScript -Pattern "^\`$scriptRelease = '([^']+)'").Matches[0].Groups[1].Value), signature $((Get-AuthenticodeSignature -FilePath $installedScript).Status)"
}
Write-Fact -Name 'Cmdlets' -Value { @(Get-Command -Module AzureStackHCI | ForEach-Object { $_.Name }) -join ', ' }
Write-Fact -Name 'Arc agent' -Value { (Get-Item -Path 'C:\Program Files\AzureConnectedMachineAgent\azcmagent.exe').VersionInfo.FileVersion }

Write-Output -InputObject "$($results.Passed) in order, $($results.Missing) missing"
if ($results.Missing -gt 0) {
    exit 1
}
